export type { At, Branded, IkeSpi, Spi } from './brand.js'
export { DROP_NAMES, DROPS, type Drop, dropIndex, isDrop } from './drop.js'
export { type Endpoint, endpointText, type Family, familyOf, sameEndpoint } from './endpoint.js'
export { assertNever, Bug, bug, drive, type Host, type Machine, type Tick } from './machine.js'
export { Packet } from './packet.js'
export type { Problem } from './problem.js'
export type { Random } from './random.js'
export { RateLimiter } from './rate-limiter.js'
export {
  after,
  type Instant,
  instant,
  type Millis,
  millis,
  seconds,
  since,
  sooner,
  type WallClock,
} from './time.js'
