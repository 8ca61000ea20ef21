import type { Dice } from '../dice.js'
import { joined } from '../octets.js'

/**
 * Nearly valid messages: parsed into payloads without a judgement, changed in a few places, and put together again
 * with lengths that agree, so that the change is met deep inside and not at the first check. Now and then octets are
 * changed afterwards, lengths included.
 */
interface Part {
  readonly type: number
  readonly flags: number
  readonly body: Uint8Array
}

/** RFC 7296 §3.1, §3.2, §3.14, RFC 7383 §2.5. */
const HEADER = 28
const GENERIC = 4
const SK = 46
const SKF = 53
const IV = 8
/** Of the null cipher with an AEAD: Pad Length and ICV. */
const TRAILER = 17

const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 127, 128, 254, 255]
const LONG_EDGES = [
  0, 1, 3, 4, 5, 7, 8, 9, 15, 16, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xffff,
]
const PAYLOAD_TYPES = [33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 53, 54, 200]
const EXCHANGE_TYPES = [0, 34, 35, 36, 37, 38, 43, 44, 240, 255]
/** Status and error types of RFC 7296 and its extensions; some are nobody's. */
const NOTIFY_TYPES = [1, 4, 5, 7, 9, 11, 14, 17, 24, 34, 35, 37, 38, 39, 43, 44, 47, 8192].concat(
  Array.from({ length: 65 }, (_, i) => 16384 + i),
)

/** Payloads seen anywhere, to be put where they do not belong. */
export class Pantry {
  readonly #parts: Part[] = []
  readonly #known = new Set<string>()

  stock(message: Uint8Array): void {
    const { outside, inside } = taken(message)
    for (const part of [...outside, ...inside]) {
      const key = `${part.type} ${part.body.length}`
      if (part.type === SK || part.type === SKF || this.#known.has(key)) continue
      this.#known.add(key)
      this.#parts.push(part)
    }
  }

  some(dice: Dice): Part {
    if (this.#parts.length > 0 && dice.chance(0.6)) return dice.pick(this.#parts)
    const type = dice.pick(PAYLOAD_TYPES)
    if (dice.chance(0.5)) return notifyPart(dice)
    return { type, flags: dice.chance(0.3) ? 0x80 : 0, body: dice.bytes(dice.below(40)) }
  }
}

/** `message` changed in one to four places. */
export function mutate(message: Uint8Array, dice: Dice, pantry: Pantry): Uint8Array {
  const { header, outside, inside, around } = taken(message)
  let parts = around === undefined ? outside : inside
  let head: Uint8Array = header
  for (let n = 1 + dice.below(dice.pick([1, 1, 2, 4])); n > 0; n--)
    if (dice.chance(0.06)) head = otherHeader(head, dice)
    else parts = otherParts(parts, dice, pantry)
  const bytes =
    around === undefined
      ? message_(head, parts)
      : message_(head, [...outside.slice(0, -1), around(parts, dice)])
  return dice.chance(0.1) ? otherOctets(bytes, dice) : bytes
}

function otherParts(parts: readonly Part[], dice: Dice, pantry: Pantry): readonly Part[] {
  const at = dice.below(parts.length + 1)
  const part = parts[at]
  const insert = (): readonly Part[] => parts.toSpliced(at, 0, pantry.some(dice))
  if (part === undefined) return insert()
  switch (dice.below(9)) {
    case 0:
      return parts.toSpliced(at, 1)
    case 1:
      return parts.toSpliced(at, 0, part)
    case 2:
      return parts.toSpliced(at, 1).toSpliced(dice.below(parts.length), 0, part)
    case 3:
      return insert()
    case 4:
      return parts.with(at, { ...part, type: dice.pick(PAYLOAD_TYPES) })
    case 5:
      return parts.with(at, { ...part, flags: dice.below(256) })
    default:
      return parts.with(at, { ...part, body: otherBody(part.body, dice) })
  }
}

function otherBody(body: Uint8Array, dice: Dice): Uint8Array {
  if (body.length === 0) return dice.bytes(1 + dice.below(16))
  switch (dice.below(6)) {
    case 0:
      return body.slice(0, dice.below(body.length))
    case 1:
      return joined(body, dice.bytes(1 + dice.below(32)))
    case 2: {
      // A piece repeated: proposals, transforms, selectors, SPIs, attributes one too many.
      const from = dice.below(body.length)
      const piece = body.subarray(from, from + 1 + dice.below(48))
      return joined(body.subarray(0, from), piece, body.subarray(from))
    }
    default:
      return otherOctets(body, dice)
  }
}

/** A few octets, or pairs of octets, at the edges of what their fields may say. */
function otherOctets(octets: Uint8Array, dice: Dice): Uint8Array {
  const out = octets.slice()
  for (let n = 1 + dice.below(3); n > 0; n--) {
    const at = dice.chance(0.5) ? dice.below(Math.min(out.length, 48)) : dice.below(out.length)
    if (dice.chance(0.4) && at + 1 < out.length) {
      const edge = dice.pick(LONG_EDGES)
      out.set([edge >> 8, edge & 0xff], at)
    } else if (dice.chance(0.5)) out[at] = dice.pick(EDGES)
    else out[at] = (out[at] as number) ^ (1 << dice.below(8))
  }
  return out
}

function otherHeader(header: Uint8Array, dice: Dice): Uint8Array {
  const out = header.slice()
  switch (dice.below(6)) {
    case 0:
      out[18] = dice.pick(EXCHANGE_TYPES)
      break
    case 1:
      out[19] = (out[19] as number) ^ dice.pick([0x08, 0x20, 0x10, 0x28, 0xff])
      break
    case 2:
      out[17] = dice.pick([0x10, 0x20, 0x21, 0x30, 0x00, 0xff])
      break
    case 3:
      out[23] = (out[23] as number) + dice.pick([1, 2, 255])
      break
    case 4:
      out.set(dice.bytes(4), 20)
      break
    default:
      out[dice.below(16)] = dice.below(256)
  }
  return out
}

function notifyPart(dice: Dice): Part {
  const type = dice.pick(NOTIFY_TYPES)
  const spi = dice.pick([0, 0, 0, 4, 8])
  const head = [dice.pick([0, 1, 2, 3]), spi, type >> 8, type & 0xff]
  return { type: 41, flags: 0, body: joined(Uint8Array.from(head), dice.bytes(spi + dice.below(40))) }
}

interface Taken {
  readonly header: Uint8Array
  readonly outside: readonly Part[]
  readonly inside: readonly Part[]
  /** Puts what is inside an SK or SKF payload back into one. */
  readonly around: ((parts: readonly Part[], dice: Dice) => Part & { readonly first: number }) | undefined
}

/** As far as the lengths lead; a rest that makes no sense is left out. */
function taken(message: Uint8Array): Taken {
  const header = message.slice(0, HEADER)
  const outside = chainOf(header[16] ?? 0, message.subarray(HEADER))
  const sealed = outside.at(-1)
  const numbers = sealed?.type === SKF ? 4 : 0
  if (sealed === undefined || (sealed.type !== SK && sealed.type !== SKF))
    return { header, outside, inside: [], around: undefined }
  const { body } = sealed
  // Padding of CBC stays where it is: the parsers meet it as octets behind the last payload.
  const clear = body.subarray(numbers + IV, Math.max(numbers + IV, body.length - TRAILER))
  return {
    header,
    outside,
    inside: chainOf(message[HEADER] ?? 0, clear),
    around(parts, dice) {
      const fragment = body.slice(0, numbers)
      if (numbers > 0 && dice.chance(0.3)) fragment[dice.below(4)] = dice.pick(EDGES)
      const chain = emitChain(parts)
      return {
        ...sealed,
        first: parts[0]?.type ?? 0,
        body: joined(fragment, new Uint8Array(IV), chain, new Uint8Array(TRAILER)),
      }
    },
  }
}

function chainOf(first: number, bytes: Uint8Array): readonly Part[] {
  const parts: Part[] = []
  for (let at = 0, type = first; type !== 0 && at + GENERIC <= bytes.length; ) {
    const length = ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)
    if (length < GENERIC || at + length > bytes.length) break
    parts.push({ type, flags: bytes[at + 1] as number, body: bytes.slice(at + GENERIC, at + length) })
    if (type === SK || type === SKF) break
    type = bytes[at] as number
    at += length
  }
  return parts
}

function emitChain(parts: readonly (Part & { readonly first?: number })[]): Uint8Array {
  return joined(
    ...parts.flatMap((part, i) => {
      const length = part.body.length + GENERIC
      const next = part.first ?? parts[i + 1]?.type ?? 0
      return [Uint8Array.of(next, part.flags, (length >> 8) & 0xff, length & 0xff), part.body]
    }),
  )
}

function message_(header: Uint8Array, parts: readonly (Part & { readonly first?: number })[]): Uint8Array {
  const bytes = joined(header, emitChain(parts))
  bytes[16] = parts[0]?.type ?? 0
  new DataView(bytes.buffer).setUint32(24, bytes.length)
  return bytes
}
