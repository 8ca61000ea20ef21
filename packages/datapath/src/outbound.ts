import { assertNever, type Drop, type Instant, isDrop, type Millis, millis, Packet } from '@brunel/base'
import { refuseOwnDelivery } from '@brunel/gre'
import { checkSize, clampMss, FRAGMENT, fragment, IPV6_MINIMUM } from '@brunel/mtu'
import { type Batch, ROW, ROW_FIELDS } from './batch.js'
import type { DatapathCommand, DatapathEvent } from './commands.js'
import { type Counters, TUNNEL_COUNTER } from './counters.js'
import { InnerPacket } from './inner-packet.js'
import { type OutboundSa, OutboundSas } from './outbound-sa.js'
import type { PumpPorts } from './pump.js'
import { RelayOutbox } from './relay-outbox.js'
import { Reports } from './reports.js'
import { countDrops, dropped, STATUS } from './row-status.js'
import { TooBigErrors } from './too-big.js'
import { type Tunnel, Tunnels } from './tunnels.js'

/** Packets asked for in one read. More make the first of them wait, fewer make the calls show. */
const TARGET = 64

const NO_WAIT = millis(0)

/**
 * TUN to underlay. One instance is the whole state of one worker, so that a second worker is another instance.
 *
 *     tun.read | the relay's in front | inner header | size | loops | MSS | GRE | delivery header | ESP |
 *     sealer.seal | underlay.send
 *
 * The first n rows of a batch lie in its first n slots. Nothing leaves unless it went through an SA: RFC 4301 §5.1.
 */
export class OutboundPump {
  stopped = false
  readonly #ports: PumpPorts
  readonly #batch: Batch
  readonly #rows: Int32Array
  readonly #counters: Counters
  readonly #reports: Reports
  readonly #tunnels: Tunnels
  readonly #sas: OutboundSas
  readonly #errors = new TooBigErrors()
  readonly #packet: Packet
  readonly #inner = new InnerPacket()
  /** Octets of the inner packet of each row, and of what its SA enciphers. */
  readonly #innerLength: Int32Array
  readonly #cipherLength: Int32Array
  #used = 0
  readonly #relay: RelayOutbox
  /** Rows of this batch in front that the relay sends. */
  #relayed = 0

  constructor(ports: PumpPorts, batch: Batch, counters: Counters, emit: (event: DatapathEvent) => void) {
    this.#ports = ports
    this.#batch = batch
    this.#rows = batch.rows
    this.#counters = counters
    this.#reports = new Reports(emit)
    this.#tunnels = new Tunnels(counters, 'outbound')
    this.#sas = new OutboundSas(counters)
    this.#relay = new RelayOutbox(batch.shape, drop => counters.countDrop('outbound', drop))
    this.#packet = new Packet(batch.bytes)
    this.#innerLength = new Int32Array(batch.shape.rows)
    this.#cipherLength = new Int32Array(batch.shape.rows)
  }

  command(command: DatapathCommand): void {
    switch (command.do) {
      case 'tunnel-set':
        return this.#tunnels.set(command.tunnel)
      case 'tunnel-remove':
        this.#relay.forget(command.tun)
        return this.#tunnels.remove(command.tun)
      case 'relay-set':
        return this.#tunnels.relay(command.tun, command.kinds)
      case 'relay-send':
        return this.#relay.add(command.tun, this.#tunnels.at(command.tun), command.packet)
      case 'tunnel-restart':
        return this.#tunnels.restart(command.tun)
      case 'outbound-use':
        return this.#sas.use(command.sa)
      case 'sa-remove':
        if (command.direction !== 'outbound') return
        this.#sas.remove(command.sa)
        return this.#reports.emit({ on: 'released', direction: 'outbound', sa: command.sa })
      case 'stop':
        this.stopped = true
        return this.#reports.emit({ on: 'stopped' })
      case 'inbound-add':
      case 'sa-moved':
      case 'ike-spi':
      case 'esp-spi':
        return
      default:
        assertNever(command)
    }
  }

  /** One batch; returns how many packets came. Waits at most `timeout`. */
  turn(timeout: Millis): number {
    const batch = this.#batch
    const relay = this.#relay
    const came = relay.due ? 0 : this.#ports.tun.read(batch, TARGET, relay.empty ? timeout : NO_WAIT)
    this.#relayed = relay.join(batch, came)
    const n = came + this.#relayed
    if (n === 0) return 0
    const now = this.#ports.clock.now()
    this.#reports.now = now
    this.#used = n
    // Fragments are appended behind the others and pass through here like them.
    for (let i = 0; i < this.#used; i++) this.#outbound(i, now)
    this.#ports.sealer.seal(batch, this.#used)
    this.#ports.underlay.send(batch, this.#used)
    this.#account(now)
    this.#errors.flush(batch, this.#ports.tun)
    return n
  }

  #outbound(i: number, now: Instant): void {
    const rows = this.#rows
    const row = i * ROW_FIELDS
    if (rows[row + ROW.status] !== STATUS.alive) return
    const offset = rows[row + ROW.offset] as number
    const slotLength = this.#batch.shape.slotLength
    const slot = offset - (offset % slotLength)
    const p = this.#packet
    p.point(offset, offset + (rows[row + ROW.length] as number), slot, slot + slotLength)
    const drop = this.#encapsulate(i, row, now)
    if (drop !== undefined) rows[row + ROW.status] = dropped(drop)
  }

  #encapsulate(i: number, row: number, now: Instant): Drop | undefined {
    const p = this.#packet
    const tun = this.#rows[row + ROW.tun] as number
    const tunnel = this.#tunnels.at(tun)
    if (tunnel === undefined) return 'tunnel-down'
    const inner = this.#inner
    const malformed = inner.open(p)
    if (malformed !== undefined) return malformed
    if (i >= this.#relayed && tunnel.relay?.takes(p, tunnel.near)) return 'relay-routed'
    const sa = this.#sas.at(tun)
    if (sa === undefined) {
      this.#reports.acquire(tun)
      return 'tunnel-no-sa'
    }
    if (p.end - p.start > tunnel.mtu || (inner.family === 6 && tunnel.mtu < IPV6_MINIMUM)) {
      const refused = this.#cutToSize(i, tunnel, now)
      if (refused !== undefined) return refused
    }
    if (tunnel.remote !== undefined) {
      const loop = refuseOwnDelivery(p, tunnel.remote)
      if (loop !== undefined) return loop
    }
    const { ipv4, ipv6 } = tunnel.spec.mss
    if (clampMss(p, p.start, ipv4, ipv6)) this.#add(tunnel.cell + TUNNEL_COUNTER.mssClamped, 1)
    this.#innerLength[i] = p.end - p.start
    const tos = tunnel.outer.of(p, inner.family, inner.tos)
    const refused = tunnel.gre.encapsulate(p, inner.protocolType) ?? sa.wrap(p, inner.tos)
    if (refused !== undefined) {
      if (this.#reports.mayAudit(refused)) {
        const { spi, remote } = sa.spec
        this.#reports.audit(refused, { spi, seq: sa.esp.sequence, remote, local: undefined })
      }
      return refused
    }
    this.#rows[row + ROW.tos] = tos
    this.#ready(i, row, sa)
    return undefined
  }

  /** Writes down for sealer and underlay what became of the packet. */
  #ready(i: number, row: number, sa: OutboundSa): void {
    const rows = this.#rows
    const p = this.#packet
    rows[row + ROW.offset] = p.start
    rows[row + ROW.length] = p.end - p.start
    rows[row + ROW.sa] = sa.spec.sa
    rows[row + ROW.path] = sa.spec.path
    rows[row + ROW.seqHigh] = sa.esp.seqHigh | 0
    this.#cipherLength[i] = sa.esp.octets
    if (sa.esp.limitReached) {
      this.#reports.emit({ on: 'sa-limit', sa: sa.spec.sa, spi: sa.spec.spi, ...sa.esp.takeLimit() })
    }
  }

  /** RFC 7588 §3.3.1.1: what is too large is refused, and its source told, or fragmented before GRE where it may be. */
  #cutToSize(i: number, tunnel: Tunnel, now: Instant): Drop | undefined {
    const p = this.#packet
    const verdict = checkSize(p, p.start, tunnel.mtu)
    if (verdict === undefined) return undefined
    if (verdict !== FRAGMENT) {
      if (verdict === 'tunnel-too-big' && i >= this.#relayed) this.#errors.add(p, tunnel, now)
      return verdict
    }
    const pieces = fragment(p.bytes.slice(p.start, p.end), tunnel.mtu)
    if (isDrop(pieces)) return pieces
    if (this.#used + pieces.length - 1 > this.#batch.shape.rows) return 'tunnel-too-big'
    p.bytes.set(pieces[0] as Uint8Array, p.start)
    p.end = p.start + (pieces[0] as Uint8Array).length
    for (let k = 1; k < pieces.length; k++) this.#append(pieces[k] as Uint8Array, i)
    return undefined
  }

  /** A new row in a slot of its own, for the TUN of row `i`. */
  #append(bytes: Uint8Array, i: number): void {
    const { slotLength, headroom } = this.#batch.shape
    const rows = this.#rows
    const row = this.#used * ROW_FIELDS
    const offset = this.#used * slotLength + headroom
    this.#batch.bytes.set(bytes, offset)
    rows[row + ROW.offset] = offset
    rows[row + ROW.length] = bytes.length
    rows[row + ROW.status] = STATUS.alive
    rows[row + ROW.tun] = rows[i * ROW_FIELDS + ROW.tun] as number
    this.#used += 1
  }

  #account(now: Instant): void {
    const rows = this.#rows
    countDrops(rows, this.#used, this.#counters, 'outbound')
    for (let i = 0; i < this.#used; i++) {
      const row = i * ROW_FIELDS
      if (rows[row + ROW.status] !== STATUS.alive) continue
      const sa = this.#sas.get(rows[row + ROW.sa] as number)
      const tunnel = this.#tunnels.at(rows[row + ROW.tun] as number)
      if (sa !== undefined) this.#sas.count(sa, this.#cipherLength[i] as number, now)
      if (tunnel === undefined) continue
      this.#add(tunnel.cell + TUNNEL_COUNTER.packets, 1)
      this.#add(tunnel.cell + TUNNEL_COUNTER.bytes, this.#innerLength[i] as number)
      this.#counters.cells[tunnel.cell + TUNNEL_COUNTER.lastAt] = now
    }
  }

  #add(cell: number, n: number): void {
    this.#counters.cells[cell] = (this.#counters.cells[cell] as number) + n
  }
}
