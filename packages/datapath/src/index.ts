export * from './batch.js'
export type * from './commands.js'
export * from './counters.js'
export type * from './ports.js'
