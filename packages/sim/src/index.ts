export { Dice, SeededRandom } from './dice.js'
export { EspModel, type PacketLimits } from './esp-model.js'
export { Flow } from './flow.js'
export {
  Babbler,
  Forger,
  HintForger,
  HOSTILES,
  Hostile,
  type HostileName,
  Mutilator,
  Replayer,
} from './hostile.js'
export { bounds, disagreement, underWay } from './invariants.js'
export { BACK_WITHIN, judge } from './judge.js'
export { Ladder } from './ladder.js'
export { Mixing } from './mixing.js'
export { Model } from './model.js'
export { Nat } from './nat.js'
export { type Datagram, Network, PERFECT, type Quality, type Tap } from './network.js'
export { type RelayPlan, relayPlan } from './ospf/plan.js'
export { NO_RELAY_FIGURES, relayFailure, simulateRelay, simulateRelaySeed } from './ospf/simulate.js'
export type { RelaySabotage } from './ospf/station.js'
export { ipPacket, Pcap } from './pcap.js'
export { espProposals, ikeProposals, type PeerWishes, type Place, peerOf, WISHES } from './peers.js'
export { type RouterOptions, type RouterPorts, type Sabotage, SimRouter } from './router.js'
export { type Happening, type Scenario, type Side, STILL, scenario } from './scenario.js'
export {
  addFigures,
  type Figures,
  failure,
  NO_FIGURES,
  type Outcome,
  play,
  preserve,
  simulate,
  simulateSeed,
} from './simulate.js'
export { toyCryptography } from './toy-cryptography.js'
export { chain, describe, Trace } from './trace.js'
export { VirtualTime } from './virtual-time.js'
export { NonceLedger, Secrets, watchCryptography } from './watched-cryptography.js'
export { type Recovery, type Violation, World } from './world.js'
