import type { Drop } from '@brunel/base'
import type { Encryption, Group, Integrity, Prf } from './transforms.js'

/** Our half of one Diffie-Hellman exchange. */
export interface KeyPair {
  readonly group: Group
  /** As the KE payload carries it: RFC 7296 §3.4, RFC 5903 §7, RFC 8031 §2. */
  readonly publicValue: Uint8Array
  /** Of a KEM: decapsulates the responder's ciphertext. Else g^ir, padded to `group.secretLength`; refuses what RFC 6989 §2 and RFC 7748 §6.1 tell us to refuse. */
  agree(peerPublicValue: Uint8Array): Uint8Array | Drop
  /** Erases the private value; RFC 7296 §2.12. */
  wipe(): void
}

export interface Encapsulated {
  readonly ciphertext: Uint8Array
  readonly secret: Uint8Array
}

/** Protects the inside of SK and SKF payloads, one direction: RFC 7296 §3.14, RFC 5282 §3. */
export interface SkCipher {
  /** Octets that `seal` adds around `length` octets of plaintext: IV, padding, pad length, ICV. */
  overhead(length: number): number
  /**
   * Returns IV | ciphertext (with padding and pad length) | ICV. `associated` is the message from the IKE header
   * to the end of the SK (SKF) generic header (and fragment header), already with its final lengths.
   * For an AEAD the IV is a counter that never repeats under the key; for CBC it is random.
   */
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array
  /** The plaintext without padding, or the drop. The ICV is compared in constant time before anything is parsed. */
  open(associated: Uint8Array, body: Uint8Array): Uint8Array | Drop
  wipe(): void
}

/** All computations with keys that IKE needs. Synchronous. A test may give another, such as a null cipher. */
export interface Cryptography {
  prf(prf: Prf, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array
  /** RFC 7296 §2.13. */
  prfPlus(prf: Prf, key: Uint8Array, seed: Uint8Array, length: number): Uint8Array
  keyPair(group: Group): KeyPair
  /** The responder's half of a KEM: what goes back in the KE payload, and the shared secret. FIPS 203 §7.2. */
  encapsulate(kem: Group, publicValue: Uint8Array): Encapsulated | Drop
  /** `integrity` undefined for an AEAD; `encryptionKey` includes the salt at its end. */
  skCipher(
    encryption: Encryption,
    encryptionKey: Uint8Array,
    integrity: Integrity | undefined,
    integrityKey: Uint8Array,
  ): SkCipher
  /** For NAT detection only: RFC 7296 §2.23. */
  sha1(...data: readonly Uint8Array[]): Uint8Array
  /** Compares in constant time; false where the lengths differ. */
  equal(a: Uint8Array, b: Uint8Array): boolean
  wipe(secret: Uint8Array): void
}
