import { createCipheriv, createDecipheriv } from 'node:crypto'
import { bug, type Random } from '@brunel/base'
import type { SkCipher } from './cryptography.js'
import { hold } from './held-secret.js'
import { integrityCheck } from './prf.js'
import { equal } from './secret.js'
import type { Encryption, Integrity } from './transforms.js'

const CHACHA20_POLY1305 = 28

/**
 * An AEAD inside SK, RFC 5282 §3 and RFC 7634 §2: IV (8) | ciphertext | ICV (16). The nonce is salt | IV; the IV
 * counts, so that it never repeats under the key. There is no padding but the Pad Length octet.
 */
export function aeadCipher(encryption: Encryption, keyAndSalt: Uint8Array): SkCipher {
  const { keyLength, saltLength, ivLength, icvLength } = encryption
  if (keyAndSalt.length !== keyLength + saltLength) bug(`${encryption.name}: wrong key length`)
  const held = hold(keyAndSalt)
  const key = held.octets.subarray(0, keyLength)
  const salt = held.octets.subarray(keyLength)
  const name = encryption.id === CHACHA20_POLY1305 ? 'chacha20-poly1305' : `aes-${keyLength * 8}-gcm`
  // Both modes have the shape of GCM here; node types them apart.
  const mode = name as 'aes-256-gcm'
  const nonce = (iv: Uint8Array): Uint8Array => Uint8Array.of(...salt, ...iv) // RFC 5282 §4
  let sealed = 0
  let wiped = false
  return {
    overhead: () => ivLength + 1 + icvLength,
    seal(associated, plaintext) {
      if (wiped) bug('a wiped cipher was used')
      if (sealed === Number.MAX_SAFE_INTEGER) bug('the IVs of an IKE SA are used up')
      const iv = counterOctets(sealed++)
      const cipher = createCipheriv(mode, key, nonce(iv), { authTagLength: icvLength })
      cipher.setAAD(associated, { plaintextLength: plaintext.length + 1 })
      const body = Buffer.concat([iv, cipher.update(plaintext), cipher.update(NO_PADDING), cipher.final()])
      return new Uint8Array(Buffer.concat([body, cipher.getAuthTag()]))
    },
    open(associated, body) {
      if (wiped) bug('a wiped cipher was used')
      if (body.length < ivLength + 1 + icvLength) return 'ike-integrity'
      const decipher = createDecipheriv(mode, key, nonce(body.subarray(0, ivLength)), {
        authTagLength: icvLength,
      })
      const ciphertext = body.subarray(ivLength, body.length - icvLength)
      decipher.setAAD(associated, { plaintextLength: ciphertext.length })
      decipher.setAuthTag(body.subarray(body.length - icvLength))
      const plaintext = decipher.update(ciphertext)
      try {
        decipher.final()
      } catch {
        return 'ike-integrity' // the only reason for which `final` of an AEAD throws
      }
      return withoutPadding(plaintext)
    },
    wipe() {
      wiped = true
      held.release()
    },
  }
}

const NO_PADDING = Uint8Array.of(0)

function counterOctets(n: number): Uint8Array {
  const octets = new Uint8Array(8)
  const view = new DataView(octets.buffer)
  view.setUint32(0, Math.floor(n / 2 ** 32))
  view.setUint32(4, n % 2 ** 32)
  return octets
}

/**
 * AES-CBC with HMAC inside SK, RFC 7296 §3.14: IV (16, random) | ciphertext | ICV. The ICV covers the message from
 * the IKE header to the end of the ciphertext.
 */
export function cbcCipher(
  made: {
    readonly encryption: Encryption
    readonly encryptionKey: Uint8Array
    readonly integrity: Integrity
    readonly integrityKey: Uint8Array
  },
  random: Pick<Random, 'bytes'>,
): SkCipher {
  const { encryption, integrity } = made
  const { blockLength, ivLength, keyLength } = encryption
  const { icvLength } = integrity
  if (made.encryptionKey.length !== keyLength) bug(`${encryption.name}: wrong key length`)
  if (made.integrityKey.length !== integrity.keyLength) bug(`${integrity.name}: wrong key length`)
  const heldKey = hold(made.encryptionKey)
  const heldIntegrityKey = hold(made.integrityKey)
  const key = heldKey.octets
  const integrityKey = heldIntegrityKey.octets
  const name = `aes-${keyLength * 8}-cbc`
  const paddingFor = (length: number): number => (blockLength - ((length + 1) % blockLength)) % blockLength
  let wiped = false
  return {
    overhead: length => ivLength + paddingFor(length) + 1 + icvLength,
    seal(associated, plaintext) {
      if (wiped) bug('a wiped cipher was used')
      const padding = new Uint8Array(paddingFor(plaintext.length) + 1)
      padding[padding.length - 1] = padding.length - 1
      const iv = random.bytes(ivLength) // RFC 7296 §3.14: unpredictable
      const cipher = createCipheriv(name, key, iv).setAutoPadding(false)
      const body = Buffer.concat([iv, cipher.update(plaintext), cipher.update(padding), cipher.final()])
      return new Uint8Array(Buffer.concat([body, integrityCheck(integrity, integrityKey, associated, body)]))
    },
    open(associated, body) {
      if (wiped) bug('a wiped cipher was used')
      if (body.length < ivLength + icvLength) return 'ike-integrity'
      const covered = body.subarray(0, body.length - icvLength)
      const icv = integrityCheck(integrity, integrityKey, associated, covered)
      if (!equal(icv, body.subarray(body.length - icvLength))) return 'ike-integrity'
      const ciphertext = covered.subarray(ivLength)
      if (ciphertext.length === 0 || ciphertext.length % blockLength !== 0) return 'ike-payload'
      const decipher = createDecipheriv(name, key, covered.subarray(0, ivLength)).setAutoPadding(false)
      return withoutPadding(Buffer.concat([decipher.update(ciphertext), decipher.final()]))
    },
    wipe() {
      wiped = true
      heldKey.release()
      heldIntegrityKey.release()
    },
  }
}

/** Any pad octets and any pad length that fits are accepted: RFC 7296 §3.14. */
function withoutPadding(padded: Uint8Array): Uint8Array | 'ike-payload' {
  const padLength = padded[padded.length - 1] as number
  return padLength + 1 > padded.length
    ? 'ike-payload'
    : new Uint8Array(padded.subarray(0, padded.length - padLength - 1))
}
