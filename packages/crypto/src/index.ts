export type { Cryptography, Encapsulated, KeyPair, SkCipher } from './cryptography.js'
export {
  DEFAULT_ESP_PROPOSALS,
  DEFAULT_IKE_PROPOSALS,
  describeEspProposal,
  describeIkeProposal,
  type ProposalProblem,
  parseEspProposal,
  parseIkeProposal,
} from './proposal-words.js'
export { systemRandom } from './random.js'
export {
  hashToken,
  isToken,
  newSealingKey,
  newToken,
  openSecret,
  SEALING_KEY_LENGTH,
  sealSecret,
} from './sealing.js'
export { equal, Secret, secretCopy, secretMemory, wipe } from './secret.js'
export { cryptographyWith, systemCryptography } from './system-cryptography.js'
export {
  ADDITIONAL_MOST,
  ENCR,
  ENCRYPTIONS,
  type Encryption,
  ESN,
  type EspProposal,
  GROUPS,
  type Group,
  type IkeProposal,
  INTEG,
  INTEGRITIES,
  type Integrity,
  KE,
  KEMS,
  NO_EXCHANGE,
  PRF,
  PRFS,
  type Prf,
} from './transforms.js'
