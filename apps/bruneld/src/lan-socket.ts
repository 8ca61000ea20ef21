import type { Family } from '@brunel/base'
import { closeOnExec, socketFilter } from '@brunel/packet-io'
import { Address } from '@brunel/wire'
import raw, { type Socket } from 'raw-socket'

/** Linux, asm-generic/socket.h, linux/in.h, linux/in6.h: the library has no names for them. */
const SOL_SOCKET = 1
const SO_DONTROUTE = 5
const SO_BINDTODEVICE = 25
const SO_ATTACH_FILTER = 26
const SO_RCVBUFFORCE = 33
const SO_MEMINFO = 55
const SK_MEMINFO_RMEM_ALLOC = 0
const SK_MEMINFO_DROPS = 8
const IPPROTO_IP = 0
const IP_MULTICAST_LOOP = 34
const IP_ADD_MEMBERSHIP = 35
const IP_MULTICAST_ALL = 49
const IPPROTO_IPV6 = 41
const IPV6_MULTICAST_LOOP = 19
const IPV6_ADD_MEMBERSHIP = 20
const IPV6_MULTICAST_ALL = 29
/** Takes the IP header from us, in both families. */
const IPPROTO_RAW = 255

/** What one socket may read in a while, 2,000 a second: the relay takes fewer. More, and a flood takes the time of IKE. */
const READ_MOST = 40
const WHILE_MS = 20
/** Holds what comes in a burst: a large database is a few hundred updates. */
const RECEIVE_BUFFER = 1 << 20
/** In a flood something comes at each try; among so much one packet too many does no harm. */
const OPEN_MOST = 5
/** The largest packet of IPv4. */
const PACKET_MOST = 65_535
/** Packets that wait for the kernel to take them. */
const WAITING_MOST = 2000

export interface Link {
  readonly name: string
  readonly index: number
}

const number = (value: number): Buffer => {
  const octets = Buffer.alloc(4)
  octets.writeInt32LE(value)
  return octets
}
const set = (socket: Socket, level: number, option: number, value: Buffer): void =>
  socket.setOption(level, option, value, value.length)

function openOn(link: Link, family: Family, protocol: number, bufferSize: number): Socket {
  const addressFamily = family === 4 ? raw.AddressFamily.IPv4 : raw.AddressFamily.IPv6
  const socket = raw.createSocket({ protocol, addressFamily, bufferSize })
  // The library leaves it open to children: the last will (lan-will.ts) would hold it for ever.
  closeOnExec()
  set(socket, SOL_SOCKET, SO_BINDTODEVICE, Buffer.from(`${link.name}\0`))
  return socket
}

const attach = (socket: Socket, program: Uint8Array): void =>
  set(socket, SOL_SOCKET, SO_ATTACH_FILTER, Buffer.from(socketFilter(program)))

/** One word of SO_MEMINFO. */
function memory(socket: Socket, word: number): number {
  const words = Buffer.alloc((SK_MEMINFO_DROPS + 1) * 4)
  socket.getOption(SOL_SOCKET, SO_MEMINFO, words, words.length)
  return words.readUInt32LE(word * 4)
}

/** What came before the filter was there would be taken for what the filter lets through: then another socket. */
function openFiltered(link: Link, { family, protocol, program }: Receiving): Socket {
  for (let tries = 1; ; tries++) {
    const socket = openOn(link, family, protocol, PACKET_MOST)
    attach(socket, program)
    if (memory(socket, SK_MEMINFO_RMEM_ALLOC) === 0 || tries === OPEN_MOST) return socket
    socket.close()
  }
}

/** struct ip_mreqn, struct ipv6_mreq. */
const membership = (group: Uint8Array, { index }: Link): Buffer =>
  group.length === 4
    ? Buffer.concat([group, Buffer.alloc(4), number(index)])
    : Buffer.concat([group, number(index)])

/** Receivers that share what may be read in a while. */
export class Pace {
  readonly #receivers = new Set<LanReceiver>()
  #read = 0
  #beat: NodeJS.Timeout | undefined

  /** Whether more may be read in this while. */
  read(): boolean {
    return ++this.#read < READ_MOST
  }

  join(receiver: LanReceiver): void {
    this.#receivers.add(receiver)
    this.#beat ??= setInterval(() => this.#next(), WHILE_MS).unref()
  }

  leave(receiver: LanReceiver): void {
    this.#receivers.delete(receiver)
    if (this.#receivers.size > 0) return
    clearInterval(this.#beat)
    this.#beat = undefined
  }

  #next(): void {
    if (this.#read === 0) return
    this.#read = 0
    for (const receiver of this.#receivers) receiver.resume()
  }
}

interface Receiving {
  readonly family: Family
  readonly protocol: number
  readonly groups: readonly string[]
  /** As of `filter`. */
  readonly program: Uint8Array
  readonly pace: Pace
}

interface Heard {
  readonly packet: (octets: Uint8Array, source: string) => void
  readonly lost: (count: number) => void
  readonly failed: (error: Error) => void
}

/** Packets of one protocol that come by one interface, to this machine or to the groups. IPv6: without the IP header. */
export class LanReceiver {
  readonly #socket: Socket
  readonly #pace: Pace
  readonly #lostSome: (count: number) => void
  #lost = 0
  #heard = false
  #paused = false

  constructor(link: Link, what: Receiving, ports: Heard) {
    const socket = openFiltered(link, what)
    this.#socket = socket
    this.#pace = what.pace
    this.#lostSome = ports.lost
    set(socket, SOL_SOCKET, SO_RCVBUFFORCE, number(RECEIVE_BUFFER))
    const [level, all, join] =
      what.family === 4
        ? [IPPROTO_IP, IP_MULTICAST_ALL, IP_ADD_MEMBERSHIP]
        : [IPPROTO_IPV6, IPV6_MULTICAST_ALL, IPV6_ADD_MEMBERSHIP]
    // Only the groups that we joined, not all that anybody on this machine did.
    set(socket, level, all, number(0))
    for (const group of what.groups) set(socket, level, join, membership(Address.parse(group)!, link))
    // Readable, and nothing in it: the kernel found a wrong checksum meanwhile.
    socket.on('error', error => /temporarily unavailable/i.test(error.message) || ports.failed(error))
    socket.on('message', (octets, source) => {
      this.#heard = true
      if (!what.pace.read()) this.#pause()
      // A copy: the library reads the next one into the same octets, and `slice` of a Buffer is none.
      ports.packet(new Uint8Array(octets), source)
    })
    what.pace.join(this)
  }

  /** Classic BPF; takes the place of the one before. */
  filter(program: Uint8Array): void {
    attach(this.#socket, program)
  }

  close(): void {
    this.#pace.leave(this)
    this.#socket.close()
  }

  #pause(): void {
    this.#paused = true
    this.#socket.pauseRecv()
  }

  /** The next while has begun. */
  resume(): void {
    if (this.#paused) this.#socket.resumeRecv()
    this.#paused = false
    if (!this.#heard) return
    this.#heard = false
    const dropped = memory(this.#socket, SK_MEMINFO_DROPS)
    if (dropped > this.#lost) this.#lostSome(dropped - this.#lost)
    this.#lost = dropped
  }
}

/** Sends whole packets by one interface, whatever their source. A socket of its own: one that has much to read sends late. */
export class LanSender {
  readonly #socket: Socket
  readonly #refused: () => void
  #waiting = 0

  constructor(
    link: Link,
    family: Family,
    ports: { readonly refused: () => void; readonly failed: (error: Error) => void },
  ) {
    this.#socket = openOn(link, family, IPPROTO_RAW, 1)
    this.#refused = ports.refused
    // What we send is not to come back: the relay would meet it again, as would a routing daemon on this machine.
    if (family === 4) {
      set(this.#socket, IPPROTO_IP, IP_MULTICAST_LOOP, number(0))
      // A neighbour of another subnet is on the link all the same, and not behind the gateway.
      set(this.#socket, SOL_SOCKET, SO_DONTROUTE, number(1))
    } else set(this.#socket, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, number(0))
    this.#socket.on('error', ports.failed)
  }

  send(packet: Uint8Array, destination: string): void {
    if (this.#waiting >= WAITING_MOST) return this.#refused()
    this.#waiting++
    const octets = Buffer.from(packet.buffer, packet.byteOffset, packet.length)
    this.#socket.send(octets, 0, octets.length, destination, error => {
      this.#waiting--
      if (error !== null) this.#refused()
    })
  }

  close(): void {
    this.#socket.close()
  }
}
