import { after, type Endpoint, millis } from '@brunel/base'
import type { Lab, Router } from './lab.js'
import { describe } from './wire-tap.js'

/** One TCP connection: the two numbers it has, and where its ends are. */
interface Pipe {
  readonly from: Router
  readonly to: Router
  /** The originator's number, even; the one the acceptor gave it, odd. */
  readonly ours: number
  readonly theirs: number
  readonly local: Endpoint
  readonly remote: Endpoint
}

const HOP = millis(10)

/** The TCP of the lab: nothing is lost or reordered, and a connection stands until somebody cuts it. */
export class LabStreams {
  readonly #lab: Lab
  readonly #pipes = new Set<Pipe>()
  /** What SYNs meet. `silent`: nothing ever comes back. */
  way: 'open' | 'refused' | 'silent' = 'open'
  /** Numbers of originators in the order in which they opened. */
  readonly opened: number[] = []
  readonly sent: {
    readonly sender: string
    readonly text: string
    readonly stream: number
    readonly bytes: Uint8Array
  }[] = []
  /** Connections stand and nothing comes out of them. */
  swallows = false
  #accepted = -1

  constructor(lab: Lab) {
    this.#lab = lab
  }

  get standing(): number {
    return this.#pipes.size
  }

  open(router: Router, wish: { stream: number; local: Endpoint; remote: Endpoint }): void {
    const { stream } = wish
    this.opened.push(stream)
    this.#lab.ladder.push(`${this.#lab.now} ${router.name} > SYN`)
    if (this.way === 'silent') return
    const refused = this.way === 'refused'
    this.#later(() => {
      if (refused)
        return void this.#lab.feed(router, { on: 'stream-closed', stream, why: 'connection refused' })
      const local = { address: router.address, port: 40000 + stream }
      this.#accepted += 2
      const theirs = this.#accepted
      const pipe = {
        from: router,
        to: this.#lab.other(router),
        ours: stream,
        theirs,
        local,
        remote: wish.remote,
      }
      this.#pipes.add(pipe)
      this.#lab.feed(router, { on: 'stream-opened', stream, local, remote: wish.remote })
    })
  }

  /** Where this router's octets come out, and as what they come from there. */
  send(router: Router, stream: number, bytes: Uint8Array): void {
    const pipe = this.#of(router, stream)
    const text = describe(bytes)
    this.sent.push({ sender: router.name, text, stream, bytes })
    this.#lab.ladder.push(`${this.#lab.now} ${router.name} ${pipe === undefined ? 'x' : '='} ${text}`)
    if (pipe === undefined || this.swallows) return
    const out = router === pipe.from
    const to = out ? pipe.to : pipe.from
    const local = out ? pipe.remote : pipe.local
    const remote = out ? { ...pipe.local, stream: pipe.theirs } : { ...pipe.remote, stream: pipe.ours }
    this.#later(() => {
      if (this.#pipes.has(pipe)) this.#lab.feed(to, { on: 'datagram', bytes: bytes.slice(), local, remote })
    })
  }

  /** One end closes; the other end hears of it. */
  close(router: Router, stream: number, why: string): void {
    const pipe = this.#of(router, stream)
    if (pipe === undefined) return
    this.#later(() => {
      if (!this.#pipes.delete(pipe)) return
      const out = router === pipe.from
      const other = out ? pipe.to : pipe.from
      this.#lab.feed(other, { on: 'stream-closed', stream: out ? pipe.theirs : pipe.ours, why })
    })
  }

  /** Both ends find it broken. */
  cut(): void {
    for (const pipe of [...this.#pipes]) {
      this.#pipes.delete(pipe)
      this.#lab.feed(pipe.from, { on: 'stream-closed', stream: pipe.ours, why: 'connection reset' })
      this.#lab.feed(pipe.to, { on: 'stream-closed', stream: pipe.theirs, why: 'connection reset' })
    }
  }

  #of(router: Router, stream: number): Pipe | undefined {
    return [...this.#pipes].find(p => (router === p.from ? p.ours : p.theirs) === stream)
  }

  #later(run: () => void): void {
    this.#lab.at(after(this.#lab.now, HOP), run)
  }
}
