import { createSocket, type Socket } from 'node:dgram'

/** RFC 4727 §2.4.2: for experiments, of the link. */
const GROUP = 'ff02::114'
const PORT = 8471
/** More in a while, and the rest of it is not heard: each relay of a LAN sends one a second. */
const MOST = 100
const WHILE_MS = 1000

/**
 * Beacons of relays on one LAN. The address with its zone binds the socket to the interface, and to the group alone:
 * neither a router nor another interface brings anything in.
 */
export class LanBeacons {
  readonly #name: string
  readonly #heard: (beacon: Uint8Array) => void
  readonly #lost: () => void
  #socket: Socket | undefined
  #count = 0
  readonly #beat: NodeJS.Timeout

  constructor(
    name: string,
    ports: { readonly heard: (beacon: Uint8Array) => void; readonly lost: () => void },
  ) {
    this.#name = name
    this.#heard = ports.heard
    this.#lost = ports.lost
    this.#open()
    this.#beat = setInterval(() => {
      this.#count = 0
      if (this.#socket === undefined) this.#open()
    }, WHILE_MS)
    this.#beat.unref()
  }

  send(beacon: Uint8Array): void {
    this.#socket?.send(beacon, PORT, `${GROUP}%${this.#name}`, error => error && this.#lost())
  }

  close(): void {
    clearInterval(this.#beat)
    this.#shut()
  }

  #open(): void {
    const socket = createSocket({ type: 'udp6', reuseAddr: true })
    this.#socket = socket
    // The interface went away, or the port is somebody's: the next beat tries again.
    socket.on('error', () => this.#socket === socket && this.#shut())
    socket.on('message', (octets, { address }) => {
      if (this.#socket !== socket) return
      // Nobody but this closes a socket that a flood keeps readable.
      if (++this.#count > MOST) return this.#flooded()
      if (/^fe[89ab]/i.test(address)) this.#heard(new Uint8Array(octets))
    })
    socket.bind({ port: PORT, address: `${GROUP}%${this.#name}` }, () => {
      try {
        socket.addMembership(GROUP, `::%${this.#name}`)
        socket.setMulticastLoopback(false)
        socket.setMulticastTTL(1)
      } catch {
        this.#shut() // the interface went away meanwhile: the next beat tries again
      }
    })
    socket.unref()
  }

  #flooded(): void {
    this.#lost()
    this.#shut()
  }

  #shut(): void {
    this.#socket?.close()
    this.#socket = undefined
  }
}
