import { createDiffieHellmanGroup, createECDH, type DiffieHellmanGroup } from 'node:crypto'
import { bug, type Drop } from '@brunel/base'
import sodium from 'sodium-native'
import type { KeyPair } from './cryptography.js'
import { holdRoom } from './held-secret.js'
import { wipe } from './secret.js'
import type { Group } from './transforms.js'

/**
 * Diffie-Hellman in the groups we speak. A private value is used for one exchange and never again. The peer's value
 * is checked before use (RFC 6989 §2); one that fails is the drop 'ike-key-exchange'.
 */
export function keyPair(group: Group): KeyPair {
  if (group.id === 31) return x25519(group)
  return CURVES[group.id] === undefined ? modp(group) : ecp(group)
}

/** Groups 19, 20, 21 of RFC 5903, by OpenSSL's names. */
const CURVES: Readonly<Record<number, string>> = { 19: 'prime256v1', 20: 'secp384r1', 21: 'secp521r1' }

/** Groups of RFC 3526, by node's names. */
const MODP: Readonly<Record<number, string>> = { 14: 'modp14', 15: 'modp15', 16: 'modp16' }

function modp(group: Group): KeyPair {
  const dh = createDiffieHellmanGroup(MODP[group.id] ?? bug(`no such group: ${group.name}`))
  dh.generateKeys()
  const prime = dh.getPrime()
  let live: DiffieHellmanGroup | undefined = dh
  return {
    group,
    publicValue: padded(dh.getPublicKey(), group.publicLength), // RFC 7296 §3.4
    agree(peer) {
      const ours = live ?? bug('a wiped private value was used')
      if (peer.length !== group.publicLength || !isInRange(peer, prime)) return 'ike-key-exchange'
      const secret = computeOrDrop(() => ours.computeSecret(peer)) // newer OpenSSL demands more of y than its range
      if (typeof secret === 'string') return secret
      const result = padded(secret, group.secretLength) // RFC 7296 §2.14
      wipe(secret)
      return result
    },
    wipe() {
      live = undefined // OpenSSL clears the private value when it frees it
    },
  }
}

/** 1 < y < p-1, RFC 6989 §2.1. All MODP groups here have p odd, so that p-1 differs from p in the last bit only. */
export function isInRange(y: Uint8Array, prime: Uint8Array): boolean {
  const top = Uint8Array.from(prime)
  top[top.length - 1] = (top[top.length - 1] as number) & 0xfe
  const one = new Uint8Array(prime.length)
  one[one.length - 1] = 1
  return Buffer.compare(y, one) > 0 && Buffer.compare(y, top) < 0
}

/** KE data is x | y, each padded to the field's length, and the secret is x alone: RFC 5903 §7. For a test, a private value. */
export function ecp(group: Group, privateValue?: Uint8Array): KeyPair {
  const ecdh = createECDH(CURVES[group.id] ?? bug(`no such group: ${group.name}`))
  if (privateValue === undefined) ecdh.generateKeys()
  else ecdh.setPrivateKey(privateValue)
  let wiped = false
  return {
    group,
    publicValue: new Uint8Array(ecdh.getPublicKey().subarray(1)), // without the 04 of an uncompressed point
    agree(peer) {
      if (wiped) bug('a wiped private value was used')
      if (peer.length !== group.publicLength) return 'ike-key-exchange'
      const point = Uint8Array.of(4, ...peer)
      const secret = computeOrDrop(() => ecdh.computeSecret(point)) // refuses a point off the curve
      if (typeof secret === 'string') return secret
      const result = padded(secret, group.secretLength)
      wipe(secret)
      return result
    },
    wipe() {
      wiped = true
      ecdh.setPrivateKey(Uint8Array.of(1)) // OpenSSL clears the value it replaces
    },
  }
}

/** RFC 8031 §2, §3. libsodium masks the top bit and takes non-canonical values; an all-zero result throws. */
export function x25519(group: Group, privateValue?: Uint8Array): KeyPair {
  const held = holdRoom(sodium.crypto_scalarmult_SCALARBYTES)
  const secretValue = held.octets
  if (privateValue === undefined) sodium.randombytes_buf(secretValue)
  else secretValue.set(privateValue)
  const publicValue = new Uint8Array(sodium.crypto_scalarmult_BYTES)
  sodium.crypto_scalarmult_base(publicValue, secretValue)
  let wiped = false
  return {
    group,
    publicValue,
    agree(peer) {
      if (wiped) bug('a wiped private value was used')
      if (peer.length !== group.publicLength) return 'ike-key-exchange'
      return computeOrDrop(() => {
        const shared = new Uint8Array(sodium.crypto_scalarmult_BYTES)
        sodium.crypto_scalarmult(shared, secretValue, peer)
        return shared
      })
    },
    wipe() {
      wiped = true
      held.release()
    },
  }
}

/** Both libraries tell of a bad public value by throwing; the lengths were checked, so nothing else throws here. */
function computeOrDrop(compute: () => Uint8Array): Uint8Array | Drop {
  try {
    return compute()
  } catch {
    return 'ike-key-exchange'
  }
}

/** With zeros in front. */
function padded(value: Uint8Array, length: number): Uint8Array {
  const whole = new Uint8Array(length)
  whole.set(value, length - value.length)
  return whole
}
