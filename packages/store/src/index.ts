export type * from './contract.js'
export { openStore } from './store.js'
export { StoreError } from './store-error.js'
