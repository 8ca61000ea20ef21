import type { Drop } from '@brunel/base'
import type {
  Cryptography,
  Encapsulated,
  Encryption,
  Group,
  Integrity,
  KeyPair,
  Prf,
  SkCipher,
} from '@brunel/crypto'
import type { Dice } from './dice.js'
import { Mixing } from './mixing.js'
import { joined } from './octets.js'

/**
 * The crypto port for simulations: deterministic, a hundred times cheaper than the real one, and worthless against
 * anyone. What simulations rely on holds: both ends agree exactly if all that should enter a key entered it alike,
 * a changed octet fails the ICV, lengths are those of the real suites.
 */
export function toyCryptography(dice: Dice): Cryptography {
  return {
    prf: (prf, key, ...data) => keyed(prf, key, data).squeeze(prf.length),
    prfPlus: (prf, key, seed, length) => keyed(prf, key, [seed]).word(1).squeeze(length),
    keyPair: group =>
      group.ciphertextLength === undefined
        ? new ToyKeyPair(group, dice.bytes(16))
        : new ToyKemPair(group, dice.bytes(16)),
    encapsulate: (kem, publicValue) => toyEncapsulate(kem, publicValue, dice.bytes(16)),
    skCipher: (encryption, encryptionKey, integrity, integrityKey) =>
      new ToyCipher(encryption, encryptionKey, integrity, integrityKey),
    sha1: (...data) => absorb(new Mixing(), data).squeeze(20),
    equal: (a, b) => a.length === b.length && a.every((octet, i) => octet === b[i]),
    wipe: secret => {
      secret.fill(0)
    },
  }
}

function absorb(mixing: Mixing, data: readonly Uint8Array[]): Mixing {
  // As one string of octets, because a real PRF sees no borders between its pieces.
  return mixing.bytes(data.length === 1 ? (data[0] as Uint8Array) : joined(...data))
}

const keyed = (prf: Prf, key: Uint8Array, data: readonly Uint8Array[]): Mixing =>
  absorb(new Mixing().word(prf.id).bytes(key), data)

/** "g^ir" is a hash of both public values in a fixed order: equal on both ends, and no secret at all. */
class ToyKeyPair implements KeyPair {
  readonly group: Group
  readonly publicValue: Uint8Array

  constructor(group: Group, chance: Uint8Array) {
    this.group = group
    this.publicValue = new Mixing().word(group.id).bytes(chance).squeeze(group.publicLength)
    this.publicValue[0] = 0x40
  }

  agree(theirs: Uint8Array): Uint8Array | Drop {
    // The first octet stands for all that makes a public value invalid.
    if (theirs.length !== this.group.publicLength || theirs[0] !== 0x40) return 'ike-key-exchange'
    const [low, high] =
      Buffer.compare(this.publicValue, theirs) < 0 ? [this.publicValue, theirs] : [theirs, this.publicValue]
    return new Mixing().word(this.group.id).bytes(low).bytes(high).squeeze(this.group.secretLength)
  }

  wipe(): void {
    // There is no private value; whether the call was made is seen by `watchCryptography`.
  }
}

/** The "shared secret" of a KEM is a hash of both values that travel. */
const toyShared = (kem: Group, publicValue: Uint8Array, ciphertext: Uint8Array): Uint8Array =>
  new Mixing().word(kem.id).bytes(publicValue).bytes(ciphertext).squeeze(kem.secretLength)

function toyEncapsulate(kem: Group, publicValue: Uint8Array, chance: Uint8Array): Encapsulated | Drop {
  if (publicValue.length !== kem.publicLength || publicValue[0] !== 0x40) return 'ike-key-exchange'
  const ciphertext = new Mixing()
    .word(kem.id)
    .bytes(chance)
    .squeeze(kem.ciphertextLength ?? 0)
  return { ciphertext, secret: toyShared(kem, publicValue, ciphertext) }
}

class ToyKemPair extends ToyKeyPair {
  /** Any ciphertext of the right length yields a secret: implicit rejection, FIPS 203 §6.3. */
  override agree(ciphertext: Uint8Array): Uint8Array | Drop {
    if (ciphertext.length !== this.group.ciphertextLength) return 'ike-key-exchange'
    return toyShared(this.group, this.publicValue, ciphertext)
  }
}

class ToyCipher implements SkCipher {
  readonly #encryption: Encryption
  readonly #icvLength: number
  readonly #key: Uint8Array
  #counter = 0

  constructor(
    encryption: Encryption,
    encryptionKey: Uint8Array,
    integrity: Integrity | undefined,
    integrityKey: Uint8Array,
  ) {
    this.#encryption = encryption
    this.#icvLength = integrity?.icvLength ?? encryption.icvLength
    this.#key = Uint8Array.from([...encryptionKey, ...integrityKey])
  }

  overhead(length: number): number {
    return this.#encryption.ivLength + this.#padding(length) + 1 + this.#icvLength
  }

  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    const { ivLength } = this.#encryption
    const padding = this.#padding(plaintext.length)
    const body = new Uint8Array(plaintext.length + this.overhead(plaintext.length))
    new DataView(body.buffer).setUint32(ivLength - 4, this.#counter++)
    body.set(plaintext, ivLength)
    const end = ivLength + plaintext.length + padding + 1
    body[end - 1] = padding
    this.#crypt(body, end)
    body.set(this.#icv(associated, body, end), end)
    return body
  }

  open(associated: Uint8Array, body: Uint8Array): Uint8Array | Drop {
    const { ivLength, blockLength } = this.#encryption
    const end = body.length - this.#icvLength
    if (end <= ivLength || (end - ivLength) % blockLength !== 0) return 'ike-integrity'
    const icv = this.#icv(associated, body, end)
    for (let i = 0; i < icv.length; i++) if (icv[i] !== body[end + i]) return 'ike-integrity'
    const clear = Uint8Array.from(body)
    this.#crypt(clear, end)
    const length = end - ivLength - 1 - (clear[end - 1] as number)
    return length < 0 ? 'ike-integrity' : clear.slice(ivLength, ivLength + length)
  }

  wipe(): void {
    this.#key.fill(0)
  }

  #padding(length: number): number {
    const over = (length + 1) % this.#encryption.blockLength
    return over === 0 ? 0 : this.#encryption.blockLength - over
  }

  #crypt(body: Uint8Array, end: number): void {
    const { ivLength } = this.#encryption
    let stream = new Mixing().bytes(this.#key).bytes(body.subarray(0, ivLength)).next() | 1
    for (let i = ivLength; i < end; i++) {
      stream ^= stream << 13
      stream ^= stream >>> 17
      stream ^= stream << 5
      body[i] = (body[i] as number) ^ (stream & 0xff)
    }
  }

  #icv(associated: Uint8Array, body: Uint8Array, end: number): Uint8Array {
    return new Mixing()
      .bytes(this.#key)
      .bytes(associated)
      .bytes(body.subarray(0, end))
      .squeeze(this.#icvLength)
  }
}
