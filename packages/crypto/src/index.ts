export type { Cryptography, KeyPair, SkCipher } from './cryptography.js'
export {
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
  PRF,
  PRFS,
  type Prf,
} from './transforms.js'
