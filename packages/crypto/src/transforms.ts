/**
 * The transforms we speak: names as strongSwan's swanctl.conf writes them, numbers as IANA assigned them
 * (RFC 7296 §3.3.2, RFC 8247, RFC 8221). Lengths in octets. Data only; the computations are in `cryptography.ts`.
 */

export const ENCR = 1
export const PRF = 2
export const INTEG = 3
export const KE = 4
export const ESN = 5

/** An ENCR transform. `keyLength` excludes the salt; KEYMAT takes `keyLength + saltLength` octets (RFC 4106 §8.1). */
export interface Encryption {
  readonly name: string
  readonly id: number
  /** The Key Length attribute in bits, or undefined where the cipher forbids it (RFC 7296 §3.3.5). */
  readonly keyBits: number | undefined
  readonly keyLength: number
  readonly saltLength: number
  /** Octets of IV on the wire. */
  readonly ivLength: number
  /** RFC 8750 §4: the IV is the sequence number and not on the wire. For ESP only (§8). */
  readonly implicitIv?: true
  /** What the ciphertext is a multiple of; ESP aligns to at least 4 (RFC 4303 §2.4). */
  readonly blockLength: number
  /** ICV of an AEAD, 0 where an INTEG transform supplies it. */
  readonly icvLength: number
}

export interface Prf {
  readonly name: string
  readonly id: number
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  /** Key and output length are the same for HMAC (RFC 4868 §2.1.2). */
  readonly length: number
}

export interface Integrity {
  readonly name: string
  readonly id: number
  readonly hash: 'sha256' | 'sha384' | 'sha512'
  readonly keyLength: number
  readonly icvLength: number
}

export interface Group {
  readonly name: string
  readonly id: number
  /** Octets of the KE payload's data; of a KEM, in the request. */
  readonly publicLength: number
  /** Octets of g^ir. */
  readonly secretLength: number
  /** A key encapsulation mechanism: octets of the KE payload's data in the response. undefined: Diffie-Hellman. */
  readonly ciphertextLength?: number
}

const gcm = (bits: number): Encryption => ({
  name: `aes${bits}gcm16`,
  id: 20,
  keyBits: bits,
  keyLength: bits / 8,
  saltLength: 4,
  ivLength: 8,
  blockLength: 1,
  icvLength: 16,
})
const chacha: Encryption = {
  name: 'chacha20poly1305',
  id: 28,
  keyBits: undefined,
  keyLength: 32,
  saltLength: 4,
  ivLength: 8,
  blockLength: 1,
  icvLength: 16,
}

/** RFC 8750 §8: transform IDs 30 and 31; 29 is of AES-CCM, which we do not have. All else is as with the explicit IV. */
const withImplicitIv = (of: Encryption, id: number): Encryption => ({
  ...of,
  name: `${of.name}iiv`,
  id,
  ivLength: 0,
  implicitIv: true,
})

const cbc = (bits: number): Encryption => ({
  name: `aes${bits}`,
  id: 12,
  keyBits: bits,
  keyLength: bits / 8,
  saltLength: 0,
  ivLength: 16,
  blockLength: 16,
  icvLength: 0,
})

export const ENCRYPTIONS: readonly Encryption[] = [
  gcm(128),
  gcm(192),
  gcm(256),
  chacha,
  cbc(128),
  cbc(192),
  cbc(256),
  ...[128, 192, 256].map(bits => withImplicitIv(gcm(bits), 30)),
  withImplicitIv(chacha, 31),
]

export const PRFS: readonly Prf[] = [
  { name: 'prfsha256', id: 5, hash: 'sha256', length: 32 },
  { name: 'prfsha384', id: 6, hash: 'sha384', length: 48 },
  { name: 'prfsha512', id: 7, hash: 'sha512', length: 64 },
]

export const INTEGRITIES: readonly Integrity[] = [
  { name: 'sha256', id: 12, hash: 'sha256', keyLength: 32, icvLength: 16 },
  { name: 'sha384', id: 13, hash: 'sha384', keyLength: 48, icvLength: 24 },
  { name: 'sha512', id: 14, hash: 'sha512', keyLength: 64, icvLength: 32 },
]

export const GROUPS: readonly Group[] = [
  { name: 'x25519', id: 31, publicLength: 32, secretLength: 32 },
  { name: 'ecp256', id: 19, publicLength: 64, secretLength: 32 },
  { name: 'ecp384', id: 20, publicLength: 96, secretLength: 48 },
  { name: 'ecp521', id: 21, publicLength: 132, secretLength: 66 },
  { name: 'modp2048', id: 14, publicLength: 256, secretLength: 256 },
  { name: 'modp3072', id: 15, publicLength: 384, secretLength: 384 },
  { name: 'modp4096', id: 16, publicLength: 512, secretLength: 512 },
]

/** FIPS 203 §8, table 3. Only after another key exchange, since nothing but IKE_INTERMEDIATE can be fragmented. */
export const KEMS: readonly Group[] = [
  { name: 'mlkem512', id: 35, publicLength: 800, secretLength: 32, ciphertextLength: 768 },
  { name: 'mlkem768', id: 36, publicLength: 1184, secretLength: 32, ciphertextLength: 1088 },
  { name: 'mlkem1024', id: 37, publicLength: 1568, secretLength: 32, ciphertextLength: 1568 },
]

/** RFC 9370 §2.2.1: an additional key exchange that may be left out. */
export const NO_EXCHANGE: Group = { name: 'none', id: 0, publicLength: 0, secretLength: 0 }

/** RFC 9370 §2.2.1: ADDKE1 to ADDKE7. */
export const ADDITIONAL_MOST = 7

/** What one proposal of `ike.proposals` allows; each list in order of preference. */
export interface IkeProposal {
  readonly encryption: readonly Encryption[]
  /** Empty for AEAD ciphers; the two are never mixed in one proposal (RFC 5282 §8). */
  readonly integrity: readonly Integrity[]
  readonly prf: readonly Prf[]
  readonly groups: readonly Group[]
  /** ADDKE1 to ADDKE7 in order, RFC 9370 §2.2.1; an empty list, or none at all: not offered. */
  readonly additional?: readonly (readonly Group[])[]
}

/** What one proposal of `esp.proposals` allows. `groups` empty: no PFS of its own. */
export interface EspProposal {
  readonly encryption: readonly Encryption[]
  readonly integrity: readonly Integrity[]
  readonly groups: readonly Group[]
  readonly esn: readonly boolean[]
  /** As in `IkeProposal`; of children that CREATE_CHILD_SA makes. */
  readonly additional?: readonly (readonly Group[])[]
}
