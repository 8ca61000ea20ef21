import type { WallClock } from '@brunel/base'
import { type AnswerTimes, answerTimes, crlsIn, type Question } from '@brunel/crypto'
import type { IkeInput } from '@brunel/ikev2'

/**
 * Gets what IKE wants to know of revocation, keeps it, and gets it anew before it is out of date:
 *
 *     want ──held and in its time──────────────────────> answer
 *       ├────kept on disk ──verified────────────────────> answer, and anew when it is time
 *       └────fetched ──verified, not older than what is held──> answer, kept ──refresh──> fetched …
 *
 * Nothing that is not signed by the issuer in question is held, kept or handed on.
 */
type Answer = Extract<IkeInput, { readonly on: 'revocation' }>

export interface RevocationPorts {
  readonly fetch: (url: string, body?: Uint8Array, most?: number) => Promise<Uint8Array>
  readonly cache: {
    read(key: string): { readonly der: Uint8Array; readonly at: number } | undefined
    write(key: string, der: Uint8Array): void
  }
  /** Unix time in milliseconds. */
  readonly now: () => number
  /** Calls back once, so many milliseconds later. */
  readonly later: (ms: number, run: () => void) => void
  /** Questions whose answers are still of use. */
  readonly wanted: () => ReadonlySet<string>
  readonly answer: (answer: Answer) => void
  /** It is no longer looked after. */
  readonly dropped: (key: string) => void
  readonly warn: (what: string, fields: Readonly<Record<string, string>>) => void
  /** How often what is held is fetched anew, although it lasts longer. In milliseconds. */
  readonly refresh: number
}

/** What is held, for the metrics. Unix time in milliseconds. */
export interface HeldStatement {
  readonly kind: Question['kind']
  readonly url: string
  readonly fetchedAt: number
  readonly expiresAt: number | undefined
}

interface Held {
  readonly der: Uint8Array
  readonly times: AnswerTimes
  readonly at: number
}

interface Entry {
  readonly question: Question
  held: Held | undefined
  failed: string | undefined
  fetching: boolean
}

/** After a failure, unless `refresh` is sooner. Longer: what is back is seen late. Shorter: a dead server is asked without need. */
const RETRY_MS = 60_000
/** Never oftener than this, however short an answer lasts. */
const LEAST_MS = 1_000
/** Fetches at once. More: a start with a thousand peers opens a thousand connections. */
const AT_ONCE = 16

export class RevocationWatch {
  readonly #ports: RevocationPorts
  readonly #entries = new Map<string, Entry>()
  readonly #queue: Entry[] = []
  #running = 0
  #stopped = false

  constructor(ports: RevocationPorts) {
    this.#ports = ports
  }

  stop(): void {
    this.#stopped = true
    this.#queue.length = 0
  }

  held(): readonly HeldStatement[] {
    return [...this.#entries.values()].flatMap(({ question: { kind, url }, held }) =>
      held === undefined ? [] : [{ kind, url, fetchedAt: held.at, expiresAt: held.times.nextUpdate }],
    )
  }

  want(question: Question): void {
    const known = this.#entries.get(question.key)
    const entry: Entry = known ?? { question, held: undefined, failed: undefined, fetching: false }
    this.#entries.set(question.key, entry)
    if (known === undefined) entry.held = this.#kept(question)
    const now = this.#ports.now()
    if (entry.held !== undefined && lasts(entry.held) > now) {
      this.#tell(entry)
      if (known === undefined) this.#again(entry, this.#due(entry.held) - now)
    } else this.#fetch(entry)
  }

  #kept(question: Question): Held | undefined {
    const { cache, now } = this.#ports
    const found = cache.read(question.key)
    const times = found && answerTimes(question, found.der, now() as WallClock)
    return found === undefined || times === undefined || typeof times === 'string'
      ? undefined
      : { ...found, times }
  }

  /** IKE asks while it performs: the answer comes after. */
  #tell({ question: { key }, held, failed }: Entry): void {
    const answer =
      failed === undefined && held !== undefined ? { der: held.der } : { failed: failed ?? 'no answer' }
    this.#ports.later(0, () => {
      if (!this.#stopped) this.#ports.answer({ on: 'revocation', key, answer })
    })
  }

  /** When it is fetched anew: halfway to its end at the latest. */
  #due({ times, at }: Held): number {
    const { refresh } = this.#ports
    const { nextUpdate } = times
    const half = nextUpdate === undefined ? refresh : (nextUpdate - at) / 2
    return at + Math.max(LEAST_MS, Math.min(refresh, half))
  }

  #again(entry: Entry, ms: number): void {
    this.#ports.later(Math.max(LEAST_MS, ms), () => {
      const { key } = entry.question
      if (this.#stopped || this.#entries.get(key) !== entry) return
      if (this.#ports.wanted().has(key)) return this.#fetch(entry)
      this.#entries.delete(key)
      // Else who needs it again would go by what is no longer kept up to date.
      this.#ports.dropped(key)
    })
  }

  #fetch(entry: Entry): void {
    if (entry.fetching) return
    entry.fetching = true
    this.#queue.push(entry)
    this.#next()
  }

  #next(): void {
    while (this.#running < AT_ONCE) {
      const entry = this.#queue.shift()
      if (entry === undefined) return
      this.#running++
      void this.#get(entry).then(why => {
        this.#running--
        entry.fetching = false
        if (this.#stopped) return
        this.#got(entry, why)
        this.#next()
      })
    }
  }

  /** A text: why nothing came of it. */
  async #get(entry: Entry): Promise<string | undefined> {
    const { question } = entry
    try {
      const octets = await this.#ports.fetch(question.url, question.request)
      // RFC 5280 §4.2.1.13 wants DER; some publish PEM.
      const der = (question.kind === 'crl' && crlsIn(Buffer.from(octets).toString('latin1'))[0]) || octets
      const now = this.#ports.now()
      const times = answerTimes(question, der, now as WallClock)
      if (typeof times === 'string') return times
      // Who can change what plain HTTP carries must not bring back a list from before a revocation.
      if (entry.held !== undefined && times.thisUpdate < entry.held.times.thisUpdate)
        return 'it is older than the one held'
      entry.held = { der, times, at: now }
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  #got(entry: Entry, why: string | undefined): void {
    const { question, held } = entry
    const { kind, url, key } = question
    if (why !== undefined && why !== entry.failed)
      this.#ports.warn('revocation cannot be looked up', { kind, url, why })
    entry.failed = why
    this.#tell(entry)
    const now = this.#ports.now()
    const retry = Math.min(RETRY_MS, this.#ports.refresh)
    this.#again(entry, why === undefined && held !== undefined ? this.#due(held) - now : retry)
    if (why !== undefined || held === undefined) return
    try {
      this.#ports.cache.write(key, held.der)
    } catch (error) {
      this.#ports.warn('revocation cannot be kept', { kind, url, why: String(error) })
    }
  }
}

/** Until when what is held needs no question. One that does not say is asked for again each time. */
const lasts = ({ times }: Held): number => times.nextUpdate ?? 0
