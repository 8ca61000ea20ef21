import type { IkeInput, Lookup } from '@brunel/ikev2'
import type { RevocationPorts } from './revocation-watch.js'

/**
 * Gets certificates that peers name by hash and URL. Who asks has not proved who it is: little is fetched at once, and
 * what cannot be had soon is not waited for. IKE keeps what it finds, by hash.
 */
type Answer = Extract<IkeInput, { readonly on: 'certificate' }>

export interface CertificateLookupPorts {
  readonly fetch: RevocationPorts['fetch']
  readonly answer: (answer: Answer) => void
}

/** A bundle of some dozens. */
const MOST_OCTETS = 64 * 1024
/** Fetches at once. More: strangers make this router open more connections. */
const AT_ONCE = 8
/** Waiting for their turn. More: those at the end are not fetched while somebody still waits for them. */
const MOST_WAITING = 64

export class CertificateLookup {
  readonly #ports: CertificateLookupPorts
  readonly #queue: Lookup[] = []
  #running = 0
  #stopped = false

  constructor(ports: CertificateLookupPorts) {
    this.#ports = ports
  }

  stop(): void {
    this.#stopped = true
    this.#queue.length = 0
  }

  want(lookup: Lookup): void {
    if (this.#running < AT_ONCE) void this.#run(lookup)
    else if (this.#queue.length < MOST_WAITING) this.#queue.push(lookup)
    // IKE asks while it performs: the answer comes after.
    else queueMicrotask(() => this.#tell(lookup, { failed: 'too much is being looked up at this moment' }))
  }

  async #run(lookup: Lookup): Promise<void> {
    this.#running++
    const answer = await this.#get(lookup)
    this.#running--
    const next = this.#queue.shift()
    if (next !== undefined) void this.#run(next)
    this.#tell(lookup, answer)
  }

  async #get({ url }: Lookup): Promise<Answer['answer']> {
    try {
      return { der: await this.#ports.fetch(url, undefined, MOST_OCTETS) }
    } catch (error) {
      return { failed: (error as Error).message }
    }
  }

  #tell({ key }: Lookup, answer: Answer['answer']): void {
    if (!this.#stopped) this.#ports.answer({ on: 'certificate', key, answer })
  }
}
