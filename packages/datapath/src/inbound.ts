import { assertNever, type Drop, dropIndex, type Instant, isDrop, type Millis, Packet } from '@brunel/base'
import { PayloadHeader } from '@brunel/esp'
import { clampMss } from '@brunel/mtu'
import { Esp } from '@brunel/wire'
import { type Batch, ROW, ROW_FIELDS, SOCKET } from './batch.js'
import type { DatapathCommand, DatapathEvent } from './commands.js'
import { type Counters, TUNNEL_COUNTER } from './counters.js'
import { EarlyEsp } from './early-esp.js'
import { decapsulatedTos, ECN_DROP } from './ecn.js'
import { IkeIngress } from './ike-ingress.js'
import { InboundNews } from './inbound-news.js'
import { type InboundSa, InboundSas } from './inbound-sa.js'
import { InnerPacket } from './inner-packet.js'
import type { InboundPorts } from './pump.js'
import { countDrops, dropped, STATUS } from './row-status.js'
import { Tunnels } from './tunnels.js'

/** Packets asked for in one receive; a train of them (GRO) may overshoot. */
const TARGET = 64

/** RFC 3948 §2.2: four zero octets where ESP has its SPI. */
const NON_ESP_MARKER = 4
/** RFC 3948 §2.3. */
const KEEPALIVE = 0xff

/**
 * Underlay to TUN. One instance is the whole state of one worker.
 *
 *     underlay.receive | IKE goes up | SPI | replay check | sealer.open | replay commit | trailer | selectors |
 *     ECN | GRE | MSS | tun.write
 */
export class InboundPump {
  stopped = false
  readonly #ports: InboundPorts
  readonly #batch: Batch
  readonly #rows: Int32Array
  readonly #counters: Counters
  readonly #news: InboundNews
  readonly #tunnels: Tunnels
  readonly #sas: InboundSas
  readonly #ike = new IkeIngress()
  readonly #early = new EarlyEsp()
  readonly #packet: Packet
  readonly #header = new PayloadHeader()
  readonly #inner = new InnerPacket()
  /** Removals that came in the middle of a batch whose rows still name the SA. */
  readonly #waiting: DatapathCommand[] = []
  #busy = false
  #refreshed = false
  /** Rows of this batch in front that had waited. */
  #waited = 0

  constructor(ports: InboundPorts, batch: Batch, counters: Counters, emit: (event: DatapathEvent) => void) {
    this.#ports = ports
    this.#batch = batch
    this.#rows = batch.rows
    this.#counters = counters
    this.#tunnels = new Tunnels(counters, 'inbound')
    this.#sas = new InboundSas(counters)
    this.#news = new InboundNews(batch, this.#sas, emit)
    this.#packet = new Packet(batch.bytes)
  }

  /** May be called by `refresh` in the middle of a turn. */
  command(command: DatapathCommand): void {
    switch (command.do) {
      case 'tunnel-set':
        return this.#tunnels.set(command.tunnel)
      case 'tunnel-restart':
        return this.#tunnels.restart(command.tun)
      case 'inbound-add':
        this.#sas.add(command.sa)
        return this.#early.settled(command.sa.spi)
      case 'sa-moved':
        return this.#sas.get(command.sa)?.moved(command.remote)
      case 'ike-spi':
        return this.#ike.know(command.spi, command.ours)
      case 'esp-spi':
        return command.ours ? this.#early.expect(command.spi) : this.#early.settled(command.spi)
      case 'tunnel-remove':
      case 'sa-remove':
      case 'stop':
        if (this.#busy) this.#waiting.push(command)
        else this.#remove(command)
        return
      case 'outbound-use':
        return
      default:
        assertNever(command)
    }
  }

  #remove(command: DatapathCommand): void {
    if (command.do === 'tunnel-remove') return this.#tunnels.remove(command.tun)
    if (command.do === 'sa-remove' && command.direction === 'inbound') {
      this.#sas.remove(command.sa)
      this.#news.emit({ on: 'released', direction: 'inbound', sa: command.sa })
    }
    if (command.do === 'stop') {
      this.stopped = true
      this.#news.emit({ on: 'stopped' })
    }
  }

  /** One batch; returns how many packets came. Waits at most `timeout`. */
  turn(timeout: Millis): number {
    this.#settle() // a turn that ended in a bug left its removals behind
    const batch = this.#batch
    const came = this.#early.due ? 0 : this.#ports.underlay.receive(batch, TARGET, timeout)
    const now = this.#ports.clock.now()
    this.#news.begin(now)
    this.#news.tooBig(this.#ports.underlay.tooBig())
    this.#waited = this.#early.join(batch, came, now)
    const n = came + this.#waited
    if (n === 0) return 0
    this.#busy = true
    this.#refreshed = false
    for (let i = 0; i < n; i++) this.#classify(i, now)
    this.#ports.sealer.open(batch, n)
    for (let i = 0; i < n; i++) this.#inbound(i, now)
    this.#ports.tun.write(batch, n)
    this.#account(n, now)
    this.#settle()
    return n
  }

  #settle(): void {
    this.#busy = false
    while (this.#waiting.length > 0) this.#remove(this.#waiting.shift() as DatapathCommand)
  }

  /** Points the packet at a row; an inbound packet grows nowhere. */
  #point(row: number): Packet {
    const offset = this.#rows[row + ROW.offset] as number
    const end = offset + (this.#rows[row + ROW.length] as number)
    this.#packet.point(offset, end, offset, end)
    return this.#packet
  }

  #classify(i: number, now: Instant): void {
    const rows = this.#rows
    const row = i * ROW_FIELDS
    if (rows[row + ROW.status] !== STATUS.alive) return
    const p = this.#point(row)
    let drop: Drop | undefined
    switch (rows[row + ROW.path]) {
      case SOCKET.udp4500:
      case SOCKET.tcp: // RFC 8229 §3: told apart as in UDP; keepalives too, §10
        drop = this.#natTraversal(p, row, now)
        break
      case SOCKET.esp:
        drop = this.#esp(p, row, now)
        break
      case SOCKET.udp500:
        drop = this.#ikeMessage(p, row, now)
        break
      default:
        drop = 'gre-clear' // RFC 4301 §5.2: what policy protects is not taken in the clear
    }
    if (drop !== undefined) rows[row + ROW.status] = dropped(drop)
  }

  /** RFC 3948 §2: keepalive, IKE behind a non-ESP marker, or ESP. */
  #natTraversal(p: Packet, row: number, now: Instant): Drop | undefined {
    const length = p.end - p.start
    if (length === 1 && p.bytes[p.start] === KEEPALIVE) return 'nat-keepalive'
    if (length < NON_ESP_MARKER || p.view.getInt32(p.start) !== 0) return this.#esp(p, row, now)
    p.start += NON_ESP_MARKER
    return this.#ikeMessage(p, row, now)
  }

  #ikeMessage(p: Packet, row: number, now: Instant): Drop | undefined {
    const drop = this.#ike.admit(p, now)
    if (drop !== undefined) return drop
    this.#rows[row + ROW.status] = STATUS.consumed
    this.#news.ike(p, row)
    return undefined
  }

  /** Up to the sealer: RFC 4303 §3.4.2, §3.4.3. */
  #esp(p: Packet, row: number, now: Instant): Drop | undefined {
    const esp = Esp.open(p, p.start)
    if (isDrop(esp)) return esp
    const sa = this.#find(p)
    const spi = p.view.getInt32(p.start)
    if (row < this.#waited * ROW_FIELDS) {
      if (sa === undefined) return this.#news.cameEarly(row)
    } else if (this.#early.concerns(spi)) {
      if (this.#early.hold(spi, this.#batch, row, now)) {
        this.#rows[row + ROW.status] = STATUS.consumed
        return undefined
      }
      if (sa === undefined) return this.#news.cameEarly(row)
    }
    if (sa === undefined) return this.#news.unknownSpi(Esp.spi(p, esp), row)
    const drop = sa.esp.admit(p)
    if (drop !== undefined) return this.#news.refused(drop, sa, row)
    this.#rows[row + ROW.sa] = sa.spec.sa
    this.#rows[row + ROW.seqHigh] = sa.esp.seqHigh | 0
    return undefined
  }

  /** The peer may use an SA before its command is read: one look at the door a batch. */
  #find(p: Packet): InboundSa | undefined {
    const spi = p.view.getInt32(p.start)
    const sa = this.#sas.bySpi(spi)
    if (sa !== undefined || this.#refreshed) return sa
    this.#refreshed = true
    return this.#ports.refresh() ? this.#sas.bySpi(spi) : undefined
  }

  #inbound(i: number, now: Instant): void {
    const rows = this.#rows
    const row = i * ROW_FIELDS
    const status = rows[row + ROW.status] as number
    if (status !== STATUS.alive && status !== STATUS.integrity) return
    const sa = this.#sas.get(rows[row + ROW.sa] as number)
    const drop =
      sa === undefined
        ? 'esp-unknown-spi'
        : status === STATUS.integrity
          ? this.#news.refused('esp-integrity', sa, row)
          : this.#authentic(sa, i, now)
    if (drop !== undefined) rows[row + ROW.status] = dropped(drop)
  }

  /** From here on the packet is the peer's: RFC 4303 §3.4.4. */
  #authentic(sa: InboundSa, i: number, now: Instant): Drop | undefined {
    const row = i * ROW_FIELDS
    const p = this.#point(row)
    const before = sa.esp.window.top
    const nextHeader = sa.esp.accept(p, (this.#rows[row + ROW.seqHigh] as number) >>> 0)
    if (nextHeader === 'esp-replay' || nextHeader === 'esp-before-window') {
      return this.#news.refused(nextHeader, sa, row)
    }
    this.#sas.count(sa, now)
    this.#news.authentic(sa, row, sa.esp.window.top > before)
    if (isDrop(nextHeader)) return nextHeader
    const refused = sa.unwrap(p, nextHeader, this.#header)
    if (refused !== undefined) return this.#news.refused(refused, sa, row)
    return this.#decapsulate(sa, p, row)
  }

  #decapsulate(sa: InboundSa, p: Packet, row: number): Drop | undefined {
    const rows = this.#rows
    const tunnel = this.#tunnels.at(sa.spec.tun)
    if (tunnel === undefined) return 'tunnel-down'
    const refused = tunnel.gre.decapsulate(p) ?? this.#inner.open(p)
    if (refused !== undefined) {
      if (refused === 'gre-protocol-type') this.#counters.countProtocolType(p.view.getUint16(p.start + 2))
      this.#add(tunnel.cell + TUNNEL_COUNTER.refused, 1)
      this.#counters.cells[tunnel.cell + TUNNEL_COUNTER.refusedFor] = dropIndex(refused)
      return refused
    }
    const lost = this.#congestion(sa, p, rows[row + ROW.tos] as number)
    if (lost !== undefined) return lost
    const { ipv4, ipv6 } = tunnel.spec.mss
    if (clampMss(p, p.start, ipv4, ipv6)) this.#add(tunnel.cell + TUNNEL_COUNTER.mssClamped, 1)
    rows[row + ROW.offset] = p.start
    rows[row + ROW.length] = p.end - p.start
    rows[row + ROW.tun] = sa.spec.tun
    return undefined
  }

  /** RFC 6040 §4.2, once for each header that came off: outer to delivery header, delivery header to inner. */
  #congestion(sa: InboundSa, p: Packet, outerTos: number): Drop | undefined {
    const delivered = sa.tunnelMode ? decapsulatedTos(this.#header.tos, outerTos) : outerTos
    if (delivered === ECN_DROP) return 'ecn-congestion-lost'
    const tos = decapsulatedTos(this.#inner.tos, delivered)
    if (tos === ECN_DROP) return 'ecn-congestion-lost'
    this.#inner.setTos(p, tos)
    return undefined
  }

  #account(n: number, now: Instant): void {
    const rows = this.#rows
    countDrops(rows, n, this.#counters, 'inbound')
    for (let i = 0; i < n; i++) {
      const row = i * ROW_FIELDS
      if (rows[row + ROW.status] !== STATUS.alive) continue
      const tunnel = this.#tunnels.at(rows[row + ROW.tun] as number)
      if (tunnel === undefined) continue
      this.#add(tunnel.cell + TUNNEL_COUNTER.packets, 1)
      this.#add(tunnel.cell + TUNNEL_COUNTER.bytes, rows[row + ROW.length] as number)
      this.#counters.cells[tunnel.cell + TUNNEL_COUNTER.lastAt] = now
    }
  }

  #add(cell: number, n: number): void {
    this.#counters.cells[cell] = (this.#counters.cells[cell] as number) + n
  }
}
