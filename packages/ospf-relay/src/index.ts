export {
  type Kind,
  LAN,
  type MulticastName,
  type Port,
  type PortReport,
  type PortState,
  type RelayEffect,
  type RelayEvent,
  type RelayInput,
  type RelayReport,
  type RelaySettings,
  type TunnelSettings,
  tunnelPort,
} from './contract.js'
export { Doctor, type Heard, type News } from './doctor.js'
export { FINDINGS, type Finding, type FindingCode, type Side } from './findings.js'
export type { AreaKind, NeighbourReport, NeighbourState, Speaker } from './neighbours.js'
export { Relay } from './relay.js'
export type { FollowedRoute } from './routes/choice.js'
export type { AreaReport, FollowingReport, KeptArea } from './routes/following.js'
export type { PathKind } from './routes/paths.js'
