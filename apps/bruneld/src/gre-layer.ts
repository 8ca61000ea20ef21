import type { LayerReport } from '@brunel/admin-api'
import { DROPS, type Drop } from '@brunel/base'

/** What has crossed a tunnel since its present IKE SA stands. */
export interface GreView {
  /** Packets that left in GRE, and that came out of it. */
  readonly went: number
  readonly came: number
  /** Authentic packets that the tunnel would not have, and why the last of them. */
  readonly refused: number
  readonly refusedFor: Drop | undefined
  /** How long the IKE SA stands, and how long ago a packet left last, in ms. */
  readonly stands: number
  readonly sinceOut: number
  /** How long packets have been leaving without one that came in since the first of them. */
  readonly unanswered: number
  readonly encapsulation: 'udp' | 'tcp' | 'none'
  readonly key: number | undefined
}

export interface GreVerdict {
  readonly layer: LayerReport
  readonly failure?: {
    readonly code: string
    readonly sentence: string
    readonly remedy: string
    readonly evidence: Readonly<Record<string, string>>
  }
}

/** Packets that leave while none come back for this long: the tunnel is one-sided. */
const ONE_SIDED_MS = 10_000

/** Since when packets leave that nothing has come in after. After an idle hour the first of them is not late yet. */
export class Unanswered {
  #lastIn = 0
  #since: number | undefined

  get since(): number | undefined {
    return this.#since
  }

  /** When something last left and last came in; 0: never. To be called every second or so. */
  look(lastOut: number, lastIn: number): void {
    if (lastIn !== this.#lastIn || lastIn >= lastOut) this.#since = undefined
    this.#lastIn = lastIn
    if (lastOut > lastIn) this.#since ??= lastOut
  }
}

/** `up` only while authenticated data crosses both ways; else why not, as far as this end can know. Pure. */
export function judgeGre(view: GreView): GreVerdict {
  const { went, came, stands, sinceOut, unanswered } = view
  if (view.refused > 0 && came === 0) return refused(view)
  const seconds = (ms: number): number => Math.round(ms / 1000)
  if (came === 0 && went > 0 && stands > ONE_SIDED_MS)
    return silent(view, `${went} packets have left and none has come in ${seconds(stands)} s.`)
  if (went === 0 && came > 0 && stands > ONE_SIDED_MS)
    return degraded(
      `${came} packets have come and none has left: nothing is routed into the interface, or the system does not send (see drops).`,
    )
  if (came === 0 || went === 0)
    return degraded(`SAs stand, but data has not crossed both ways yet: ${went} packets out, ${came} in.`)
  if (unanswered > ONE_SIDED_MS && sinceOut < ONE_SIDED_MS)
    return silent(view, `Packets leave, but none has come back for ${seconds(unanswered)} s.`)
  return { layer: { state: 'up', detail: `${went} packets out, ${came} in.` } }
}

const degraded = (detail: string): GreVerdict => ({ layer: { state: 'degraded', detail } })

function refused({ refused, refusedFor, key }: GreView): GreVerdict {
  const meaning = refusedFor === undefined ? '' : ` ${DROPS[refusedFor]}`
  const sentence = `ESP packets come, but what is in them is refused (${refusedFor}, ${refused} so far).${meaning}`
  const ours = key === undefined ? 'has no gre.key' : `has gre.key ${key}`
  const remedy = refusedFor?.startsWith('gre-key')
    ? `Set the same gre.key on both routers; this one ${ours}.`
    : 'Set gre.checksum, gre.sequence and gre.key the same on both routers.'
  const evidence = { reason: String(refusedFor), packets: String(refused) }
  return { ...degraded(sentence), failure: { code: 'BRUNEL_GRE_REFUSED', sentence, remedy, evidence } }
}

function silent({ encapsulation, went, came }: GreView, sentence: string): GreVerdict {
  const remedy =
    encapsulation !== 'none'
      ? `Look at the other router: is its tunnel up, and does ${encapsulation.toUpperCase()} 4500 pass in both directions?`
      : 'Look at the other router: is its tunnel up? If IP protocol 50 does not pass in between, set esp.encapsulation to "udp" on both.'
  const evidence = { out: String(went), in: String(came), encapsulation }
  return { ...degraded(sentence), failure: { code: 'BRUNEL_NOTHING_COMES', sentence, remedy, evidence } }
}
