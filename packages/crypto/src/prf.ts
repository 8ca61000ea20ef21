import { createHash, createHmac } from 'node:crypto'
import { bug } from '@brunel/base'
import { wipe } from './secret.js'
import type { Integrity, Prf } from './transforms.js'

/** A plain array over the same memory: a copy would leave the secret behind in the original. */
const octetsOf = ({ buffer, byteOffset, length }: Uint8Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, length)

/** HMAC with the hash of the PRF, RFC 4868 §2.1.2; keys of any length. */
export function prf({ hash }: Prf, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac(hash, key)
  for (const part of data) hmac.update(part)
  return octetsOf(hmac.digest())
}

/**
 * RFC 7296 §2.13:
 *
 *     prf+ (K,S) = T1 | T2 | T3 | T4 | ...
 *     T1 = prf (K, S | 0x01), T2 = prf (K, T1 | S | 0x02), T3 = prf (K, T2 | S | 0x03), ...
 */
export function prfPlus(to: Prf, key: Uint8Array, seed: Uint8Array, length: number): Uint8Array {
  const rounds = Math.ceil(length / to.length)
  if (rounds > 255) bug('prf+ ends after 255 rounds') // RFC 7296 §2.13
  const stream = new Uint8Array(rounds * to.length)
  let previous = new Uint8Array(0)
  for (let round = 1; round <= rounds; round++) {
    const next = prf(to, key, previous, seed, Uint8Array.of(round)) as Uint8Array<ArrayBuffer>
    wipe(previous)
    previous = next
    stream.set(previous, (round - 1) * to.length)
  }
  wipe(previous)
  if (stream.length === length) return stream
  const cut = new Uint8Array(stream.subarray(0, length))
  wipe(stream) // RFC 7296 §2.12: nothing of it stays but what is asked for
  return cut
}

/** HMAC truncated to the ICV of the transform, RFC 4868 §2.3. */
export function integrityCheck(of: Integrity, key: Uint8Array, ...data: readonly Uint8Array[]): Uint8Array {
  const hmac = createHmac(of.hash, key)
  for (const part of data) hmac.update(part)
  return new Uint8Array(hmac.digest().subarray(0, of.icvLength))
}

export function sha1(...data: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha1')
  for (const part of data) hash.update(part)
  return new Uint8Array(hash.digest())
}
