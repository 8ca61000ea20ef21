export type * from './contract.js'
export { Ike } from './ike.js'
export type { IkeSettings } from './settings.js'
