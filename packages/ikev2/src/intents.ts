import { type Instant, sooner } from '@brunel/base'
import type { Failure } from './contract.js'

/** What we want of the peer, apart from what the window lets us send (RFC 7296 §2.3: one request at a time). */
export type Intent = { readonly notBefore?: Instant | undefined } & (
  | { readonly want: 'create-child'; readonly group?: number | undefined }
  | { readonly want: 'rekey-child'; readonly spiIn: number; readonly group?: number | undefined }
  | { readonly want: 'rekey-ike'; readonly group?: number | undefined }
  | { readonly want: 'delete-children'; readonly spisIn: readonly number[]; readonly why: Failure }
  | { readonly want: 'close'; readonly why: Failure }
  /** A child that the peer made as we do not want it: RFC 7296 §1.3.1. */
  | { readonly want: 'refuse-child'; readonly spiIn: number }
  | { readonly want: 'liveness' }
  /** What it says is what waits when it begins: RFC 4555. */
  | { readonly want: 'mobike' }
  /** The same of our inner MTU. */
  | { readonly want: 'mtu' }
  | { readonly want: 'notify'; readonly notifyType: number; readonly data: Uint8Array }
)

/** RFC 7296 §2.25.2: closing beats everything; a Delete beats rekeying. A move comes before what it would delay. */
const urgency = ({ want }: Intent): number =>
  want === 'close' ? 0 : want === 'mobike' ? 1 : want === 'delete-children' ? 2 : want === 'rekey-ike' ? 4 : 3

export class Intents {
  #waiting: Intent[] = []

  /** The same wish twice is one wish; the earlier time counts. */
  add(intent: Intent): void {
    const twin = this.#waiting.find(other => sameWish(other, intent))
    if (twin !== undefined && dueAt(twin) <= dueAt(intent)) return
    this.#waiting = [...this.#waiting.filter(other => other !== twin), intent]
  }

  has(want: Intent['want']): boolean {
    return this.#waiting.some(intent => intent.want === want)
  }

  /** Takes out the most urgent that may begin at this time. */
  take(now: Instant, allowed: (intent: Intent) => boolean): Intent | undefined {
    const due = this.#waiting.filter(intent => dueAt(intent) <= now && allowed(intent))
    const best = due.reduce<Intent | undefined>(
      (first, intent) => (first === undefined || urgency(intent) < urgency(first) ? intent : first),
      undefined,
    )
    if (best !== undefined) this.#waiting = this.#waiting.filter(intent => intent !== best)
    return best
  }

  drop(unwanted: (intent: Intent) => boolean): void {
    this.#waiting = this.#waiting.filter(intent => !unwanted(intent))
  }

  /** Hands over what concerns the children: an IKE rekey takes it along (RFC 7296 §2.8). */
  takeInheritable(): readonly Intent[] {
    const taken: readonly Intent[] = this.#waiting.filter(
      intent => intent.want !== 'rekey-ike' && intent.want !== 'close',
    )
    this.#waiting = this.#waiting.filter(intent => !taken.includes(intent))
    return taken
  }

  /** When the next one may begin. */
  deadline(allowed: (intent: Intent) => boolean): Instant | undefined {
    return this.#waiting
      .filter(allowed)
      .reduce<Instant | undefined>((first, intent) => sooner(first, dueAt(intent) as Instant), undefined)
  }
}

const dueAt = (intent: Intent): number => intent.notBefore ?? Number.NEGATIVE_INFINITY

function sameWish(a: Intent, b: Intent): boolean {
  if (a.want === 'rekey-child' && b.want === 'rekey-child') return a.spiIn === b.spiIn
  if (a.want === 'delete-children' && b.want === 'delete-children')
    return a.spisIn.length === b.spisIn.length && a.spisIn.every(spi => b.spisIn.includes(spi))
  if (a.want === 'notify' && b.want === 'notify') return a.notifyType === b.notifyType
  return a.want === b.want
}
