import { type Drop, type Instant, isDrop, since } from '@brunel/base'
import { Ospf } from '@brunel/wire'
import type { Whole } from './exchange.js'
import { newer } from './newer.js'

/** What the LSAs of one area said when they passed, newest instances only: RFC 2328 §13, as far as a listener can. */

/** Of one relay, all areas together. More than a site has; beyond it an LSA is carried and makes no route. */
export const MOST_LSAS = 20_000
const MOST_OCTETS = 8 << 20
/**
 * Links, routers of networks and prefixes of all of them. More, and a calculation keeps the processor for too long: an
 * LSA of 64 KiB has room for 16,000, and one packet for such an LSA.
 */
const MOST_PARTS = 100_000
/** Names of LSAs that we do not have. They are for people, and to know whether the database is whole. */
const MOST_MISSING = 20_000
/** Seconds that an LSA which was flushed is remembered, so that no older instance on its way takes its place. */
const REMEMBERED = 10
/** RFC 2328 §B, MinLSInterval in ms: a newer instance is not overtaken by an older one that was sent so long before. */
const SETTLED = 5000

/** Shared by the databases of a relay. */
export interface Room {
  lsas: number
  octets: number
  parts: number
}

function partsOf({ body }: Ospf.Lsa): number {
  if (body.type === 'router') return body.links.length
  if (body.type === 'network') return body.routers.length
  return body.type === 'intra-area-prefix' ? body.prefixes.length : 1
}

interface Entry {
  readonly lsa: Ospf.Lsa
  readonly bytes: Uint8Array
  readonly heardAt: Instant
}

interface Missing {
  readonly header: Ospf.LsaHeader
  readonly heardAt: Instant
}

export interface Area {
  readonly version: Ospf.Version
  readonly instance: number
  readonly area: string
}

export const keyOf = ({ type, linkStateId, advertisingRouter }: Ospf.LsaHeader): string =>
  `${type} ${linkStateId} ${advertisingRouter}`

/** Seconds. */
function ageOf(now: Instant, { lsa, heardAt }: Entry): number {
  if (lsa.doNotAge) return lsa.age
  return lsa.age + Math.floor(since(heardAt, now) / 1000)
}

/** RFC 2328 §A.4.1, RFC 5340 §A.4.2.1: 1 to 5 and 7; intra-area-prefix. */
const makesRoutes = (version: Ospf.Version, type: number): boolean =>
  version === 2
    ? (type >= 1 && type <= 5) || type === 7
    : [0x2001, 0x2002, 0x2003, 0x2004, 0x4005, 0x2007, 0x2009].includes(type)

export class Database implements Area {
  readonly version: Ospf.Version
  readonly instance: number
  readonly area: string
  readonly #room: Room
  readonly #entries = new Map<string, Entry>()
  readonly #missing = new Map<string, Missing>()

  constructor({ version, instance, area }: Area, room: Room) {
    this.version = version
    this.instance = instance
    this.area = area
    this.#room = room
  }

  /** `bytes` is copied. Answers whether routes may be others now, or why it was not taken. */
  take(now: Instant, bytes: Uint8Array): boolean | Drop {
    const lsa = Ospf.parseLsa(bytes, this.version)
    if (isDrop(lsa)) return lsa
    if (!makesRoutes(this.version, lsa.type)) return false
    const key = keyOf(lsa)
    const known = this.#entries.get(key)
    if (known !== undefined && !this.#isNews(now, lsa, known)) return false
    // RFC 2328 §13 (4): nobody has it, so that nobody need be told that it is gone.
    if (known === undefined && lsa.age >= Ospf.MAX_AGE) return false
    const { lsas, octets, parts } = this.#room
    const [more, grows] = [known === undefined ? 1 : 0, bytes.length - (known?.bytes.length ?? 0)]
    const moreParts = partsOf(lsa) - (known === undefined ? 0 : partsOf(known.lsa))
    if (lsas + more > MOST_LSAS || octets + grows > MOST_OCTETS || parts + moreParts > MOST_PARTS)
      return 'relay-routes-full'
    this.#room.lsas += more
    this.#room.octets += grows
    this.#room.parts += moreParts
    this.#entries.set(key, { lsa, bytes: new Uint8Array(bytes), heardAt: now })
    const wanted = this.#missing.get(key)
    if (wanted !== undefined && newer(lsa, wanted.header) >= 0) this.#missing.delete(key)
    return true
  }

  /**
   * RFC 2328 §13 (5), (8): who has a newer instance answers an older one with it, and so it passes here. Where all begin
   * anew nobody has ours.
   */
  #isNews(now: Instant, lsa: Ospf.Lsa, known: Entry): boolean {
    const order = newer(lsa, { ...known.lsa, age: ageOf(now, known) })
    if (order >= 0 || lsa.age >= Ospf.MAX_AGE) return order > 0
    const passed = since(known.heardAt, now)
    // RFC 2328 §12.1.6: who has flushed the last of all sequence numbers, or forgotten it, begins with the first. What was
    // on its way when it was flushed is older than that.
    const begunSince = known.lsa.age >= Ospf.MAX_AGE && lsa.age * 1000 < passed
    return begunSince || passed > SETTLED
  }

  /** Two routers have described all that they have: what came before, and is not among it, is nobody's. */
  purge({ since: began, keys }: Whole): boolean {
    const gone = [...this.#entries].filter(([key, { heardAt }]) => heardAt < began && !keys.has(key))
    for (const [key, entry] of gone) this.#remove(key, entry)
    for (const [key, { heardAt }] of this.#missing)
      if (heardAt < began && !keys.has(key)) this.#missing.delete(key)
    return gone.length > 0
  }

  #remove(key: string, entry: Entry): void {
    this.#entries.delete(key)
    this.#room.lsas--
    this.#room.octets -= entry.bytes.length
    this.#room.parts -= partsOf(entry.lsa)
  }

  /** A router has this instance: do we? */
  described(now: Instant, header: Ospf.LsaHeader): void {
    if (!makesRoutes(this.version, header.type) || header.age >= Ospf.MAX_AGE) return
    const key = keyOf(header)
    const known = this.#entries.get(key)
    if (known !== undefined && newer({ ...known.lsa, age: ageOf(now, known) }, header) >= 0) return
    const wanted = this.#missing.get(key)
    if (wanted !== undefined ? newer(wanted.header, header) < 0 : this.#missing.size < MOST_MISSING)
      this.#missing.set(key, { header, heardAt: now })
  }

  /** Those that count: RFC 2328 §14, what has reached MaxAge is no part of the routing calculation. */
  current(now: Instant): Ospf.Lsa[] {
    return [...this.#entries.values()].filter(e => ageOf(now, e) < Ospf.MAX_AGE).map(({ lsa }) => lsa)
  }

  /** Forgets what is too old; answers whether an LSA that counted does no longer. */
  expire(now: Instant, before: Instant): boolean {
    let changed = false
    for (const [key, entry] of this.#entries) {
      const age = ageOf(now, entry)
      if (age < Ospf.MAX_AGE) continue
      changed ||= ageOf(before, entry) < Ospf.MAX_AGE
      if (since(entry.heardAt, now) / 1000 - Math.max(0, Ospf.MAX_AGE - entry.lsa.age) < REMEMBERED) continue
      this.#remove(key, entry)
    }
    // RFC 2328 §14: by then its origin has said it again, or it is nobody's.
    for (const [key, { header, heardAt }] of this.#missing)
      if (since(heardAt, now) / 1000 + (header.doNotAge ? 0 : header.age) >= Ospf.MAX_AGE)
        this.#missing.delete(key)
    return changed
  }

  get size(): number {
    return this.#entries.size
  }

  get missing(): number {
    return this.#missing.size
  }

  /** A few, in words. */
  missingNames(count: number): string[] {
    return [...this.#missing.values()]
      .slice(0, count)
      .map(({ header: h }) => `type ${h.type} ${h.linkStateId} of ${h.advertisingRouter}`)
  }

  /** All that count, with the age they have. */
  kept(now: Instant): Uint8Array[] {
    return [...this.#entries.values()]
      .filter(e => ageOf(now, e) < Ospf.MAX_AGE)
      .map(entry => Ospf.aged(entry.bytes, ageOf(now, entry)))
  }
}
