export type * from './ports.js'
export { ROLES } from './ports.js'
export * from './reports.js'
