import { bug } from '@brunel/base'
import sodium from 'sodium-native'

const HIDDEN = '[secret]'

/** A plain array in locked memory between guard pages, kept out of core dumps: not a Buffer, whose `slice` shares. */
export function secretMemory(length: number): Uint8Array {
  if (length === 0) return new Uint8Array(0)
  const { buffer, byteOffset } = sodium.sodium_malloc(length)
  return new Uint8Array(buffer, byteOffset, length)
}

/** A copy in secret memory; the source stays as it is. */
export function secretCopy(source: Uint8Array): Uint8Array {
  const memory = secretMemory(source.length)
  memory.set(source)
  return memory
}

/** Overwrites a secret with zeros; the compiler cannot leave it out. */
export function wipe(secret: Uint8Array): void {
  if (secret.length > 0) sodium.sodium_memzero(secret)
}

/** Compares in constant time; false where the lengths differ. */
export const equal = (a: Uint8Array, b: Uint8Array): boolean =>
  a.length === b.length && (a.length === 0 || sodium.sodium_memcmp(a, b))

/** A PSK or key that no log, answer or error shows: text, JSON and inspection of it say only that it is a secret. */
export class Secret {
  readonly #memory: Uint8Array
  #wiped = false

  private constructor(memory: Uint8Array) {
    this.#memory = memory
  }

  /** Copies the octets into secret memory. */
  static of(octets: Uint8Array): Secret {
    return new Secret(secretCopy(octets))
  }

  /** The octets of ASCII or UTF-8 text; no NUL is added: RFC 7296 §2.15. */
  static ofText(text: string): Secret {
    const octets = new TextEncoder().encode(text)
    const secret = Secret.of(octets)
    wipe(octets)
    return secret
  }

  get length(): number {
    return this.#memory.length
  }

  /** The octets themselves, for computations; do not keep them longer than the secret. */
  expose(): Uint8Array {
    return this.#wiped ? bug('a wiped secret was used') : this.#memory
  }

  wipe(): void {
    this.#wiped = true
    wipe(this.#memory)
  }

  toString(): string {
    return HIDDEN
  }

  toJSON(): string {
    return HIDDEN
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return HIDDEN
  }
}
