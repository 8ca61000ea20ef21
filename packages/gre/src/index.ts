export { checkDelivery, type DeliveryEnds } from './delivery.js'
export { loopingRoutes, refuseOwnDelivery } from './routing-loop.js'
export { precedes } from './sequence.js'
export { type GreOptions, GreTunnel } from './tunnel.js'
