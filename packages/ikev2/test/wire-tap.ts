import { isDrop } from '@brunel/base'
import type { Cryptography, SkCipher } from '@brunel/crypto'
import { systemCryptography } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'

/** AES-GCM-16 with 256 bits as key derivation sees it: lengths in octets. */
export const AES256_GCM16 = {
  name: '',
  id: 20,
  keyBits: 256,
  keyLength: 32,
  saltLength: 4,
  ivLength: 8,
  blockLength: 1,
  icvLength: 16,
} as const

const OVERHEAD = 16

/** Leaves the inside readable, so that a test sees what travels and can change it. The ICV is a sum. */
class NullCipher implements SkCipher {
  overhead(): number {
    return OVERHEAD
  }
  seal(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
    return Wire.concat(plaintext, sum(associated, plaintext))
  }
  open(associated: Uint8Array, body: Uint8Array): Uint8Array | 'ike-integrity' {
    const inside = body.subarray(0, Math.max(0, body.length - OVERHEAD))
    const icv = body.subarray(inside.length)
    return Wire.hex(icv) === Wire.hex(sum(associated, inside)) ? inside : 'ike-integrity'
  }
  wipe(): void {
    this.overhead()
  }
}

function sum(associated: Uint8Array, plaintext: Uint8Array): Uint8Array {
  let a = 1
  let b = 7
  for (const octet of associated) a = (a * 31 + octet) % 65521
  for (const octet of plaintext) b = (b * 37 + octet) % 65521
  return Wire.concat(Wire.uint32(a), Wire.uint32(b), new Uint8Array(8).fill(0xcc))
}

/** Real keys, real PSK, readable messages. */
export const readableCryptography: Cryptography = {
  prf: (prf, key, ...data) => systemCryptography.prf(prf, key, ...data),
  prfPlus: (prf, key, seed, length) => systemCryptography.prfPlus(prf, key, seed, length),
  keyPair: group => systemCryptography.keyPair(group),
  encapsulate: (kem, publicValue) => systemCryptography.encapsulate(kem, publicValue),
  skCipher: () => new NullCipher(),
  sha1: (...data) => systemCryptography.sha1(...data),
  equal: (a, b) => systemCryptography.equal(a, b),
  wipe: secret => systemCryptography.wipe(secret),
}

/** All payloads of a message that `readableCryptography` protected. */
export function inside(bytes: Uint8Array): readonly Wire.Payload[] {
  const message = Wire.parseMessage(bytes)
  if (isDrop(message)) return []
  const last = message.payloads.at(-1)
  if (last?.type !== 'SK') return message.payloads
  const payloads = Wire.openProtected(bytes, last, new NullCipher())
  return isDrop(payloads) ? [] : payloads
}

/** Another inside under the same header, sealed well: what a broken or hostile peer that has the keys would send. */
export function resealed(bytes: Uint8Array, payloads: readonly Wire.PlainPayload[]): Uint8Array {
  const header = Wire.parseHeader(bytes)
  if (isDrop(header)) throw new Error(header)
  return Wire.emitProtected(header, Wire.emitPayloads(payloads), new NullCipher())
}

export function resealedRaw(
  bytes: Uint8Array,
  chain: { readonly first: number; readonly bytes: Uint8Array },
): Uint8Array {
  const header = Wire.parseHeader(bytes)
  if (isDrop(header)) throw new Error(header)
  return Wire.emitProtected(header, chain, new NullCipher())
}

const EXCHANGES = new Map<number, string>(Object.entries(Wire.EXCHANGE).map(([name, type]) => [type, name]))

/** `IKE_AUTH request 1 {IDi, N(INITIAL_CONTACT), …}` */
export function describe(bytes: Uint8Array): string {
  const header = Wire.parseHeader(bytes)
  if (isDrop(header)) return header
  const kind = header.response ? 'response' : 'request'
  const name = EXCHANGES.get(header.exchangeType) ?? header.exchangeType
  return `${name} ${kind} ${header.messageId} {${inside(bytes).map(payloadText).join(', ')}}`
}

function payloadText(p: Wire.Payload): string {
  if (p.type === 'N') return `N(${Wire.notifyName(p.notifyType)})`
  if (p.type === 'D') return p.protocol === 1 ? 'D(IKE)' : `D(${p.spis.map(spi => Wire.hex(spi)).join(' ')})`
  if (p.type === 'SKF') return `SKF(${p.number}/${p.total})`
  return p.type
}
