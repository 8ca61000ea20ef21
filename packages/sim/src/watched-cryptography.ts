import { isDrop } from '@brunel/base'
import type { Cryptography, KeyPair, SkCipher } from '@brunel/crypto'
import { Mixing } from './mixing.js'
import { chain, sealName } from './trace.js'

/**
 * What a run knows of its keys: who sealed with which, and which secrets are not yet wiped.
 * One for each router's life, all sharing one ledger of keys.
 */
export class Secrets {
  readonly keyPairs = new Set<KeyPair>()
  readonly ciphers = new Set<SkCipher>()
  /** g^ir and prf+ output: SKEYSEED's children, KEYMAT. */
  readonly octets: Uint8Array[] = []

  /** RFC 7296 §2.12: what is left of the secrets of closed SAs, in words; none is right. */
  left(): string[] {
    const found: string[] = []
    if (this.keyPairs.size > 0) found.push(`${this.keyPairs.size} key pairs not wiped`)
    if (this.ciphers.size > 0) found.push(`${this.ciphers.size} ciphers not wiped`)
    const alive = this.octets.filter(secret => secret.some(octet => octet !== 0)).length
    if (alive > 0) found.push(`${alive} of ${this.octets.length} derived secrets not wiped`)
    return found
  }
}

/** Every use of a key to seal, by both routers and all their lives. A nonce used twice is the end of a GCM key. */
export class NonceLedger {
  readonly #highest = new Map<string, number>()
  readonly #sealers = new Map<string, object>()
  readonly #violation: (what: string) => void
  readonly #ivs = new Map<string, string>()

  constructor(violation: (what: string) => void) {
    this.#violation = violation
  }

  /** A sequence number under an ESP key: always higher than the last. */
  esp(key: string, seq: number): void {
    const last = this.#highest.get(key)
    if (last !== undefined && seq <= last)
      this.#violation(`ESP nonce ${seq} used again after ${last} under one key`)
    this.#highest.set(key, seq)
  }

  /** A counter IV never repeats under a key as long as one cipher alone seals with it (RFC 5282 §3.1). */
  ike(key: string, cipher: object): void {
    const first = this.#sealers.get(key)
    if (first === undefined) this.#sealers.set(key, cipher)
    else if (first !== cipher) this.#violation('two ciphers seal with one IKE key, so their IVs repeat')
  }

  /** An IV of eight octets is a counter and goes up; a longer one is not that of the message before (RFC 3602 §3). */
  iv(key: string, iv: Uint8Array): void {
    const text = Buffer.from(iv).toString('latin1')
    const last = this.#ivs.get(key)
    if (last !== undefined && (iv.length === 8 ? text <= last : text === last))
      this.#violation('an IKE key seals twice with one IV')
    this.#ivs.set(key, text)
  }
}

/** `contents` collects what sealed messages hold, in words, and `sealers` who sealed them, for traces and ladders. */
export function watchCryptography(
  inner: Cryptography,
  secrets: Secrets,
  ledger: NonceLedger,
  contents?: Map<string, string>,
  sealers?: Map<string, SkCipher>,
): Cryptography {
  const noted = (secret: Uint8Array): Uint8Array => {
    secrets.octets.push(secret)
    return secret
  }
  return {
    prf: (prf, key, ...data) => inner.prf(prf, key, ...data),
    sha1: (...data) => inner.sha1(...data),
    equal: (a, b) => inner.equal(a, b),
    wipe: secret => inner.wipe(secret),
    prfPlus: (prf, key, seed, length) => noted(inner.prfPlus(prf, key, seed, length)),
    keyPair(group) {
      const pair = inner.keyPair(group)
      const watched: KeyPair = {
        group,
        publicValue: pair.publicValue,
        agree(theirs) {
          const shared = pair.agree(theirs)
          return isDrop(shared) ? shared : noted(shared)
        },
        wipe() {
          secrets.keyPairs.delete(watched)
          pair.wipe()
        },
      }
      secrets.keyPairs.add(watched)
      return watched
    },
    encapsulate(kem, publicValue) {
      const made = inner.encapsulate(kem, publicValue)
      if (!isDrop(made)) noted(made.secret)
      return made
    },
    skCipher(encryption, encryptionKey, integrity, integrityKey) {
      const name = `${encryption.name} ${new Mixing().bytes(encryptionKey).next()} ${new Mixing().word(7).bytes(encryptionKey).next()}`
      const cipher = inner.skCipher(encryption, encryptionKey, integrity, integrityKey)
      const watched: SkCipher = {
        overhead: length => cipher.overhead(length),
        open: (associated, body) => cipher.open(associated, body),
        seal(associated, plaintext) {
          ledger.ike(name, watched)
          const body = cipher.seal(associated, plaintext)
          ledger.iv(name, body.subarray(0, encryption.ivLength))
          contents?.set(sealName(body), insideOf(associated, plaintext))
          sealers?.set(sealName(body), watched)
          return body
        },
        wipe() {
          secrets.ciphers.delete(watched)
          cipher.wipe()
        },
      }
      secrets.ciphers.add(watched)
      return watched
    },
  }
}

const SKF = 53

/** What stands in an SK payload, or that it is a fragment, which ends in the middle of anything. */
function insideOf(associated: Uint8Array, plaintext: Uint8Array): string {
  if (associated[16] === SKF) return 'a fragment'
  return `{${chain(associated[associated.length - 4] ?? 0, plaintext)}}`
}
