export { createMetrics } from './metrics.js'
export type * from './source.js'
