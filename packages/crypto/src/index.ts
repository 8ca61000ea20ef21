export {
  type CertificateClaim,
  type CertificateFault,
  type Certification,
  type Certified,
  type CertifiedName,
  certificationAt,
  chainFault,
  isBound,
  isKeyOf,
  namesOf,
  weakKey,
} from './certification.js'
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
export type { SignatureFault, SigningChoice } from './signature.js'
export { SIGNATURE_HASHES } from './signature-algorithm.js'
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
export { bundleOf, certificatesOfBundle } from './x509/bundle.js'
export { type Certificate, parseCertificate } from './x509/certificate.js'
export { httpUrl } from './x509/http-url.js'
export {
  type CertificateWish,
  type Issuer,
  issueCertificate,
  issueCrl,
  KEY_KINDS,
  type KeyKind,
  newPrivateKey,
  type Revocation,
} from './x509/issue.js'
export { nameOf, nameText, sameName } from './x509/name.js'
export { certificatesIn, crlsIn, privateKeyIn } from './x509/pem.js'
export type { Evidence, RevocationPolicy, RevocationReport, Statement } from './x509/revocation.js'
export { type AnswerTimes, answerTimes, type Question } from './x509/revocation-question.js'
