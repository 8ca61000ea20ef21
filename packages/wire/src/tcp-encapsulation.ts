import type { Drop } from '@brunel/base'

/**
 * IKE and ESP in a TCP stream, RFC 9329 §3, §4 (RFC 8229 §3, §4):
 *
 *    "IKETCP", once, from the originator of the connection only
 *    | Length (2), counts itself | Non-ESP marker (4), zero | IKE message |
 *    | Length (2), counts itself | ESP packet                             |
 */

/** "IKETCP", RFC 8229 §4. */
export const PREFIX: Uint8Array = Uint8Array.of(0x49, 0x4b, 0x45, 0x54, 0x43, 0x50)

export const LENGTH = 2
/** Octets of zero in front of an IKE message. */
export const MARKER = 4
/** Largest content of a message: the length has 16 bits and counts itself. */
export const MOST = 0xffff - LENGTH
/** RFC 9329 §3: a length of 0 or 1 is fatal; a message of nothing is as senseless. */
const LEAST_LENGTH = LENGTH + 1

/** Writes the length in front of a content of `octets` that lies behind it. */
export function pushLength(into: Uint8Array, at: number, octets: number): void {
  const length = LENGTH + octets
  into[at] = length >>> 8
  into[at + 1] = length & 0xff
}

/** The length of the message at `at`, itself included. Both octets must be there. */
export const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] as number) << 8) | (bytes[at + 1] as number)

/** An IKE message as it goes into the stream, RFC 8229 §3.1. undefined: it is too long for it. */
export function emitIke(message: Uint8Array): Uint8Array | undefined {
  if (message.length > MOST - MARKER) return undefined
  const whole = new Uint8Array(LENGTH + MARKER + message.length)
  pushLength(whole, 0, MARKER + message.length)
  whole.set(message, LENGTH + MARKER)
  return whole
}

/** ESP packets, and IKE messages behind their marker, as one piece of the stream: RFC 8229 §3.2. */
export function emitAll(contents: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(contents.reduce((sum, content) => sum + LENGTH + content.length, 0))
  let at = 0
  for (const content of contents) {
    pushLength(whole, at, content.length)
    whole.set(content, at + LENGTH)
    at += LENGTH + content.length
  }
  return whole
}

/**
 * Cuts what arrives into runs of whole messages, lengths still in front. It keeps one unfinished message at most, so
 * never more than 65535 octets; one that a broken connection leaves unfinished goes with its reader (RFC 8229 §6).
 */
export class Reader {
  /** Octets of the prefix that are still to come. */
  #prefix: number
  /** The message that is not whole yet: its length as far as it is known, and what came of it. */
  #part: Uint8Array = NONE
  #held = 0

  /** `prefixed`: the other end began this connection and must say so first (RFC 8229 §6). */
  constructor(prefixed: boolean) {
    this.#prefix = prefixed ? PREFIX.length : 0
  }

  /** The whole prefix has come. */
  get isOpen(): boolean {
    return this.#prefix === 0
  }

  /**
   * Runs of whole messages, in order; they may be views of `chunk`. A drop: the stream is of no use from here on and
   * must be closed.
   */
  take(chunk: Uint8Array): readonly Uint8Array[] | Drop {
    const start = this.#takePrefix(chunk)
    if (start < 0) return 'tcp-prefix'
    const runs: Uint8Array[] = []
    const at = this.#finishPart(chunk, start, runs)
    if (at < 0) return 'tcp-length'
    const end = endOfRun(chunk, at)
    if (end < 0) return 'tcp-length'
    if (end > at) runs.push(chunk.subarray(at, end))
    if (end < chunk.length) this.#keep(chunk, end)
    return runs
  }

  /** Where the messages begin in `chunk`; -1: this is not the prefix. */
  #takePrefix(chunk: Uint8Array): number {
    let at = 0
    for (; this.#prefix > 0 && at < chunk.length; at++, this.#prefix--)
      if (chunk[at] !== PREFIX[PREFIX.length - this.#prefix]) return -1
    return at
  }

  /** Completes the unfinished message; -1: its length is senseless. */
  #finishPart(chunk: Uint8Array, start: number, runs: Uint8Array[]): number {
    let at = start
    if (this.#held === 0) return at
    if (this.#held < LENGTH) {
      if (at === chunk.length) return at
      const length = ((this.#part[0] as number) << 8) | (chunk[at++] as number)
      if (length < LEAST_LENGTH) return -1
      this.#begin(length)
      this.#held = LENGTH
    }
    const more = Math.min(this.#part.length - this.#held, chunk.length - at)
    this.#part.set(chunk.subarray(at, at + more), this.#held)
    this.#held += more
    if (this.#held === this.#part.length) {
      runs.push(this.#part)
      this.#part = NONE
      this.#held = 0
    }
    return at + more
  }

  /** The end of `chunk` is the beginning of a message, whose length is senseful if it is there. */
  #keep(chunk: Uint8Array, at: number): void {
    this.#held = chunk.length - at
    if (this.#held < LENGTH) this.#part = chunk.slice(at)
    else {
      this.#begin(lengthAt(chunk, at))
      this.#part.set(chunk.subarray(at), 0)
    }
  }

  #begin(length: number): void {
    this.#part = new Uint8Array(length)
    pushLength(this.#part, 0, length - LENGTH)
  }
}

const NONE = new Uint8Array(0)

/** Where the last whole message from `at` ends; -1: a length is senseless. */
function endOfRun(chunk: Uint8Array, at: number): number {
  let end = at
  while (chunk.length - end >= LENGTH) {
    const length = lengthAt(chunk, end)
    if (length < LEAST_LENGTH) return -1
    if (chunk.length - end < length) break
    end += length
  }
  return end
}
