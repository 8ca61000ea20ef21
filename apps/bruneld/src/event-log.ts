import type { RouterEvent } from '@brunel/admin-api'
import { after, type Instant, millis } from '@brunel/base'
import type { Log } from './log.js'

/** The same failure of the same tunnel is told again after this long. Shorter: a wrong PSK fills the disk. */
const AGAIN = millis(600_000)

/** Ends that somebody here wanted. */
const WANTED = new Set(['BRUNEL_IKE_CLOSED', 'BRUNEL_IKE_REPLACED'])

/** What of a relay somebody has to look at. */
const GRAVE = new Set(['ospf-finding', 'relay-fail-fast', 'relay-claim-refuted', 'relay-lan-failed'])

/** Addresses that are remembered; a sender of forged ones cannot fill the memory with more. */
const MOST_STRANGERS = 256
/** Failures of one tunnel, or of no tunnel at all, that are remembered: strangers can make them differ. */
const MOST_FAILURES = 256
/** Lines about strangers a minute: forged addresses cannot fill the disk. */
const STRANGERS_A_MINUTE = 5
/** Lines about OSPF a minute: it is not ours, and whoever is on the LAN can make it change its mind. */
const RELAYED_A_MINUTE = 60

/** So many a minute. */
class Allowance {
  readonly #most: number
  #minute = -1
  #left = 0

  constructor(most: number) {
    this.#most = most
  }

  mayTell(now: Instant): boolean {
    const minute = Math.floor(now / 60_000)
    if (minute !== this.#minute) this.#left = this.#most
    this.#minute = minute
    return this.#left-- > 0
  }
}

interface Told {
  until: Instant
  times: number
}

/**
 * Events as lines of the log. Attempts go on for ever, so a failure that comes again and again is told once, then
 * every ten minutes with how often; what is left out stands in the debug level and in the metrics.
 */
export class EventLog {
  readonly #log: Log
  readonly #now: () => Instant
  readonly #told = new Allowance(STRANGERS_A_MINUTE)
  readonly #relayed = new Allowance(RELAYED_A_MINUTE)
  readonly #strangers = new Map<string, Instant>()
  readonly #failing = new Map<string, Map<string, Told>>()

  constructor(log: Log, now: () => Instant) {
    this.#log = log
    this.#now = now
  }

  /** `serves`: another IKE SA carries the tunnel, so that the end of this one harms nobody. */
  write({ tunnel, event, detail, data }: RouterEvent, serves = false): void {
    const name = tunnel ?? ''
    const fields = { tunnel, event, ...brief(data) }
    const line = (level: 'debug' | 'info' | 'warn', more = {}): void =>
      this.#log[level]({ ...fields, ...more }, detail)
    if (event === 'ike-up') this.forget(name)
    if (event === 'initiating' || event === 'retrying')
      return line(this.#failing.has(name) ? 'debug' : 'info')
    if (event.startsWith('rekey-')) return line('debug')
    if (/^(relay|ospf)-/.test(event))
      return line(!this.#relayed.mayTell(this.#now()) ? 'debug' : GRAVE.has(event) ? 'warn' : 'info')
    const isFailure = event === 'failed' || event === 'ike-down' || event === 'ppk-unused'
    if (!isFailure) return line('info')
    if (WANTED.has(String(data['code'])) || (serves && event === 'ike-down')) return line('info')
    const { told, again } = this.#repeated(name, `${data['code']} ${detail}`)
    if (again) return line('debug')
    line('warn', told.times > 1 ? { times: told.times } : {})
    told.times = 0
  }

  /** A router that no peer is configured for: a wrong remote.address here, or a scan. Once for each address. */
  stranger(remote: string, detail: string): void {
    const address = remote.replace(/:\d+$/, '')
    const known = this.#strangers.get(address)
    const isNew = known === undefined || this.#now() >= known
    if (isNew && this.#strangers.size >= MOST_STRANGERS) this.#strangers.clear()
    if (isNew) this.#strangers.set(address, after(this.#now(), AGAIN))
    const loud = isNew && this.#told.mayTell(this.#now())
    this.#log[loud ? 'info' : 'debug'](
      { remote, detail },
      'IKE from an address that no peer has; if it is a peer, correct its remote.address',
    )
  }

  /** What failed is over, or the tunnel is gone. */
  forget(tunnel: string): void {
    this.#failing.delete(tunnel)
  }

  #repeated(tunnel: string, failure: string): { told: Told; again: boolean } {
    const now = this.#now()
    const known = this.#failing.get(tunnel) ?? new Map<string, Told>()
    this.#failing.set(tunnel, known)
    const told = known.get(failure)
    if (told !== undefined && now < told.until) {
      told.times++
      return { told, again: true }
    }
    if (known.size >= MOST_FAILURES) known.clear()
    const next = { until: after(now, AGAIN), times: (told?.times ?? 0) + 1 }
    known.set(failure, next)
    return { told: next, again: false }
  }
}

/** Without what says nothing. */
function brief(data: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { remedy, evidence, ...rest } = data
  return {
    ...rest,
    ...(remedy === undefined || remedy === 'Nothing to do.' ? {} : { remedy }),
    ...(evidence === undefined || Object.keys(evidence as object).length === 0 ? {} : { evidence }),
  }
}
