import { createSocket, type Socket } from 'node:dgram'

/** More in a while, and the socket is closed for the rest of it: nobody reads what it takes. */
const MOST = 200
const WHILE_MS = 1000

/**
 * What the rules of a relay hand to this machine is heard by a raw socket, and then the kernel looks for a program that
 * listens: for UDP over IPv6 it would tell the neighbour "port unreachable". (Over IPv4 it would have to say so with an
 * address that is not its own, and says nothing.) This one listens and is silent. It takes no port that a program has,
 * and keeps it from none that comes later: of those that share a port, the last is served.
 */
export class UdpSink {
  readonly #port: number
  readonly #beat: NodeJS.Timeout
  #socket: Socket | undefined
  #count = 0

  constructor(port: number) {
    this.#port = port
    this.#probe()
    this.#beat = setInterval(() => {
      this.#count = 0
      if (this.#socket === undefined) this.#probe()
    }, WHILE_MS)
    this.#beat.unref()
  }

  close(): void {
    clearInterval(this.#beat)
    this.#shut()
  }

  /** Only a port that nobody has can be bound without sharing it. */
  #probe(): void {
    const probe = this.#bind(false, () => {
      probe.close()
      if (this.#socket !== probe) return
      this.#socket = this.#bind(true, () => undefined)
      this.#socket.on('message', () => {
        if (++this.#count > MOST) this.#shut()
      })
    })
    this.#socket = probe
  }

  #bind(shared: boolean, bound: () => void): Socket {
    const socket = createSocket({ type: 'udp6', ipv6Only: true, reuseAddr: shared })
    // It is taken: whoever has it keeps the kernel quiet. The next beat looks again.
    socket.on('error', () => this.#socket === socket && this.#shut())
    socket.bind({ port: this.#port, exclusive: true }, bound)
    return socket.unref()
  }

  #shut(): void {
    this.#socket?.close()
    this.#socket = undefined
  }
}
