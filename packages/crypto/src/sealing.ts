import { createHash } from 'node:crypto'
import { bug } from '@brunel/base'
import sodium from 'sodium-native'
import { equal, secretMemory } from './secret.js'

/**
 * Secrets at rest: version (1 octet, 1) | nonce (24, random) | XChaCha20-Poly1305 ciphertext with tag.
 * The context ("peer branch-7 psk") is authenticated, so that a sealed secret cannot be moved to another row.
 */
const VERSION = 1
const NONCE = sodium.crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
const TAG = sodium.crypto_aead_xchacha20poly1305_ietf_ABYTES
export const SEALING_KEY_LENGTH = sodium.crypto_aead_xchacha20poly1305_ietf_KEYBYTES

/** A fresh key in secret memory. */
export function newSealingKey(): Uint8Array {
  const key = secretMemory(SEALING_KEY_LENGTH)
  sodium.randombytes_buf(key)
  return key
}

export function sealSecret(key: Uint8Array, plaintext: Uint8Array, context: string): Uint8Array {
  if (key.length !== SEALING_KEY_LENGTH) bug('wrong length of a sealing key')
  const sealed = new Uint8Array(1 + NONCE + plaintext.length + TAG)
  sealed[0] = VERSION
  const nonce = sealed.subarray(1, 1 + NONCE)
  sodium.randombytes_buf(nonce)
  const box = sealed.subarray(1 + NONCE)
  sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(box, plaintext, associated(context), null, nonce, key)
  return sealed
}

/** The plaintext in secret memory; undefined where key, context or octets are not those it was sealed with. */
export function openSecret(key: Uint8Array, sealed: Uint8Array, context: string): Uint8Array | undefined {
  if (key.length !== SEALING_KEY_LENGTH) bug('wrong length of a sealing key')
  if (sealed[0] !== VERSION || sealed.length < 1 + NONCE + TAG) return undefined
  const nonce = sealed.subarray(1, 1 + NONCE)
  const box = sealed.subarray(1 + NONCE)
  const plaintext = secretMemory(box.length - TAG)
  try {
    sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(plaintext, null, box, associated(context), nonce, key)
    return plaintext
  } catch {
    return undefined // all lengths were checked: the tag is wrong
  }
}

const associated = (context: string): Uint8Array =>
  new TextEncoder().encode(`brunel sealed secret ${VERSION}: ${context}`)

/** An API token as it is stored. Tokens are long and random, so that a plain hash does. */
export const hashToken = (token: string): Uint8Array =>
  new Uint8Array(createHash('sha256').update(token, 'utf8').digest())

/** Whether a token is the one whose hash is stored, in constant time. */
export const isToken = (token: string, hash: Uint8Array): boolean => equal(hashToken(token), hash)

/** A fresh API token: 32 random octets in base64url. */
export function newToken(): string {
  const octets = Buffer.alloc(32)
  sodium.randombytes_buf(octets)
  return octets.toString('base64url')
}
