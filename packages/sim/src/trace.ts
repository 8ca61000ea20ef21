import type { Instant } from '@brunel/base'
import type { IkeEffect, IkeInput } from '@brunel/ikev2'

type Step = {
  readonly at: Instant
  readonly router: string
  readonly what: IkeInput | IkeEffect | { readonly on: 'tick' }
}

/** Every input of every machine and every effect, by reference; text is made only when somebody wants to read it. */
export class Trace {
  readonly #steps: Step[] = []
  readonly #contents: ReadonlyMap<string, string>

  /** `contents`: what sealed messages hold, by their last octets (see `contentsOf`). */
  constructor(contents: ReadonlyMap<string, string>) {
    this.#contents = contents
  }

  add(at: Instant, router: string, what: Step['what']): void {
    this.#steps.push({ at, router, what })
  }

  get length(): number {
    return this.#steps.length
  }

  /** One JSON object a line: time, router, `on` or `do` and the rest; octets as hex. */
  lines(): string[] {
    return this.#steps.map(({ at, router, what }) => {
      const note = 'bytes' in what ? describe(what.bytes, this.#contents) : undefined
      const line = { at, router, ...what, ...(note === undefined ? {} : { message: note }) }
      return JSON.stringify(line, (_, value) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
      )
    })
  }
}

const EXCHANGES: Record<number, string> = {
  34: 'IKE_SA_INIT',
  35: 'IKE_AUTH',
  36: 'CREATE_CHILD_SA',
  37: 'INFORMATIONAL',
  43: 'IKE_INTERMEDIATE',
  44: 'IKE_FOLLOWUP_KE',
}

/** The header of an IKE message in words: exchange, Message ID, request or response, and the payloads if known. */
export function describe(message: Uint8Array, contents: ReadonlyMap<string, string>): string {
  if (message.length < 28) return `${message.length} octets`
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength)
  const exchange = EXCHANGES[view.getUint8(18)] ?? `exchange ${view.getUint8(18)}`
  const kind = view.getUint8(19) & 0x20 ? 'response' : 'request'
  const inside = view.getUint8(16) === 46 || view.getUint8(16) === 53
  const payloads = inside
    ? (contents.get(sealName(message)) ?? 'SK')
    : chain(view.getUint8(16), message.subarray(28))
  return `${exchange} ${view.getUint32(20)} ${kind} ${payloads}`
}

/** The last octets of a sealed message name it: they are its ICV. */
export const sealName = (message: Uint8Array): string => Buffer.from(message.subarray(-12)).toString('hex')

const PAYLOADS: Record<number, string> = {
  33: 'SA',
  34: 'KE',
  35: 'IDi',
  36: 'IDr',
  37: 'CERT',
  38: 'CERTREQ',
  39: 'AUTH',
  40: 'N',
  42: 'D',
  43: 'V',
  44: 'TSi',
  45: 'TSr',
}
const NONCE = 40
const NOTIFY = 41
const DELETE = 42
const NOTIFIES: Record<number, string> = {
  1: 'UNSUPPORTED_CRITICAL_PAYLOAD',
  4: 'INVALID_IKE_SPI',
  5: 'INVALID_MAJOR_VERSION',
  7: 'INVALID_SYNTAX',
  9: 'INVALID_MESSAGE_ID',
  11: 'INVALID_SPI',
  14: 'NO_PROPOSAL_CHOSEN',
  17: 'INVALID_KE_PAYLOAD',
  24: 'AUTHENTICATION_FAILED',
  35: 'NO_ADDITIONAL_SAS',
  38: 'TS_UNACCEPTABLE',
  43: 'TEMPORARY_FAILURE',
  44: 'CHILD_SA_NOT_FOUND',
  47: 'STATE_NOT_FOUND',
  16384: 'INITIAL_CONTACT',
  16388: 'NAT_DETECTION_SOURCE_IP',
  16389: 'NAT_DETECTION_DESTINATION_IP',
  16390: 'COOKIE',
  16391: 'USE_TRANSPORT_MODE',
  16393: 'REKEY_SA',
  16394: 'ESP_TFC_PADDING_NOT_SUPPORTED',
  16430: 'FRAGMENTATION_SUPPORTED',
  16438: 'INTERMEDIATE_EXCHANGE_SUPPORTED',
  16441: 'ADDITIONAL_KEY_EXCHANGE',
}

/** A chain of payloads in words, as far as it makes sense. */
export function chain(first: number, bytes: Uint8Array): string {
  const words: string[] = []
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let type = first, at = 0; type !== 0 && at + 4 <= bytes.length; ) {
    const length = Math.min(view.getUint16(at + 2), bytes.length - at)
    if (length < 4) break
    words.push(payload(type, view, at, length))
    type = view.getUint8(at)
    at += length
  }
  return words.join(' ')
}

function payload(type: number, view: DataView, at: number, length: number): string {
  if (type === NOTIFY && length >= 8) {
    const notify = view.getUint16(at + 6)
    return `N(${NOTIFIES[notify] ?? notify})`
  }
  if (type === DELETE && length >= 8)
    return view.getUint8(at + 4) === 1 ? 'D(IKE)' : `D(ESP ${view.getUint16(at + 6)})`
  return type === NONCE ? 'Nonce' : (PAYLOADS[type] ?? `payload ${type}`)
}
