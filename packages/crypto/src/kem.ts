import { bug, type Drop } from '@brunel/base'
import { ml_kem512, ml_kem768, ml_kem1024 } from '@noble/post-quantum/ml-kem.js'
import type { Encapsulated, KeyPair } from './cryptography.js'
import { hold } from './held-secret.js'
import { NativeKem } from './native-kem.js'
import { wipe } from './secret.js'
import type { Group } from './transforms.js'

/**
 * ML-KEM, FIPS 203, by transform ID. The initiator's KE payload is the encapsulation key, the responder's the
 * ciphertext. Both are checked as FIPS 203 §7.2 and §7.3 demand before anything is computed. A ciphertext that is
 * well-formed and wrong yields another secret (implicit rejection, §6.3), and so IKE_AUTH fails.
 */
const MECHANISMS = { 35: ml_kem512, 36: ml_kem768, 37: ml_kem1024 } as const

const mechanism = (kem: Group): (typeof MECHANISMS)[36] =>
  MECHANISMS[kem.id as keyof typeof MECHANISMS] ?? bug(`no such KEM: ${kem.name}`)

/** Else JavaScript computes. */
const native = NativeKem.find()

/** For a test, the seed d | z of FIPS 203 §7.1, 64 octets; node:crypto takes none. */
export function kemKeyPair(kem: Group, seed?: Uint8Array): KeyPair {
  if (native !== undefined && seed === undefined) return native.keyPair(kem)
  const made = mechanism(kem).keygen(seed)
  const held = hold(made.secretKey)
  wipe(made.secretKey)
  let wiped = false
  return {
    group: kem,
    publicValue: made.publicKey,
    agree(ciphertext) {
      if (wiped) bug('a wiped private value was used')
      if (ciphertext.length !== kem.ciphertextLength) return 'ike-key-exchange' // FIPS 203 §7.3
      return mechanism(kem).decapsulate(ciphertext, held.octets)
    },
    wipe() {
      wiped = true
      held.release()
    },
  }
}

/** For a test, the 32 octets m of FIPS 203 §6.2. */
export function encapsulate(kem: Group, publicValue: Uint8Array, chance?: Uint8Array): Encapsulated | Drop {
  if (publicValue.length !== kem.publicLength || !isReduced(publicValue)) return 'ike-key-exchange'
  if (native !== undefined && chance === undefined) return native.encapsulate(kem, publicValue)
  const { cipherText, sharedSecret } = mechanism(kem).encapsulate(publicValue, chance)
  return { ciphertext: cipherText, secret: sharedSecret }
}

const Q = 3329
/** The seed ρ at the end of an encapsulation key. */
const RHO = 32

/** FIPS 203 §7.2, the modulus check: every coefficient of 12 bits, two in three octets, is below q. */
function isReduced(key: Uint8Array): boolean {
  for (let at = 0; at < key.length - RHO; at += 3) {
    const [a, b, c] = [key[at] as number, key[at + 1] as number, key[at + 2] as number]
    if ((a | ((b & 0x0f) << 8)) >= Q || ((b >> 4) | (c << 4)) >= Q) return false
  }
  return true
}
