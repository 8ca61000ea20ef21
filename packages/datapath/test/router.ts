import { type Drop, type Endpoint, millis } from '@brunel/base'
import {
  Batch,
  Counters,
  type DatapathEvent,
  INBOUND_SHAPE,
  InboundPump,
  OUTBOUND_SHAPE,
  OutboundPump,
  type SaSpec,
  type Sealer,
  SOCKET,
  type TunnelSpec,
  type Underlay,
} from '@brunel/datapath'
import { FakeClock, FakeSealer, FakeTun, FakeUnderlay } from '@brunel/datapath/fakes'

export const HERE: Endpoint = { address: '192.0.2.1', port: 4500 }
export const THERE: Endpoint = { address: '198.51.100.7', port: 4500 }

export const tunnelSpec: TunnelSpec = {
  tun: 3,
  name: 'gre7',
  gre: { key: undefined, checksum: false, sequence: false },
  mtu: 1400,
  mss: { ipv4: 1360, ipv6: 1340 },
  farAddresses: ['10.255.0.2', 'fd00:7::2'],
  nearAddresses: ['10.255.0.1', 'fd00:7::1'],
  remoteAddress: THERE.address,
}

export const saSpec: SaSpec = {
  sa: 5,
  spi: 0xc0ffee01,
  tun: 3,
  mode: 'tunnel',
  ivLength: 8,
  blockLength: 1,
  icvLength: 16,
  counterIv: true,
  esn: true,
  replayWindow: 64,
  selectors: [
    {
      localStart: HERE.address,
      localEnd: HERE.address,
      remoteStart: THERE.address,
      remoteEnd: THERE.address,
      protocol: 47,
    },
  ],
  localDelivery: HERE.address,
  remoteDelivery: THERE.address,
  path: 9,
  remote: THERE,
  limits: { softBytes: 0, hardBytes: 0, softPackets: 0, hardPackets: 0 },
}

/** The same SA as the other end sees it. */
export const mirrored = (spec: SaSpec): SaSpec => ({
  ...spec,
  selectors: spec.selectors.map(s => ({
    localStart: s.remoteStart,
    localEnd: s.remoteEnd,
    remoteStart: s.localStart,
    remoteEnd: s.localEnd,
    protocol: s.protocol,
  })),
  localDelivery: spec.remoteDelivery,
  remoteDelivery: spec.localDelivery,
  remote: HERE,
})

/** The data path of one router over fakes: both pumps, as two threads would run them. */
export class Router {
  readonly clock = new FakeClock()
  readonly tun = new FakeTun()
  readonly underlay = new FakeUnderlay()
  readonly counters = new Counters()
  readonly events: DatapathEvent[] = []
  outbound!: OutboundPump
  inbound!: InboundPump
  readonly sealer: Sealer
  readonly outboundBatch = new Batch(
    OUTBOUND_SHAPE,
    new ArrayBuffer(OUTBOUND_SHAPE.rows * OUTBOUND_SHAPE.slotLength),
  )
  readonly inboundBatch = new Batch(INBOUND_SHAPE, new ArrayBuffer(2 ** 20))
  /** Called by the pump when it meets an unknown SPI. */
  refresh: () => boolean = () => false

  constructor(sealer: Sealer = toySealer()) {
    this.sealer = sealer
    this.outboundBatch.bytes.fill(0xa5)
    this.inboundBatch.bytes.fill(0xa5)
    this.rewire(this.underlay)
  }

  /** New pumps over this underlay. */
  rewire(underlay: Underlay): void {
    const { tun, clock, counters, sealer } = this
    const emit = (event: DatapathEvent) => void this.events.push(event)
    const ports = { tun, underlay, sealer, clock, refresh: () => this.refresh() }
    this.outbound = new OutboundPump(ports, this.outboundBatch, counters, emit)
    this.inbound = new InboundPump(ports, this.inboundBatch, counters, emit)
  }

  /** A tunnel with one SA each way. */
  configure(tunnel: TunnelSpec = tunnelSpec, outbound: SaSpec = saSpec, inbound: SaSpec = saSpec): this {
    this.outbound.command({ do: 'tunnel-set', tunnel })
    this.inbound.command({ do: 'tunnel-set', tunnel })
    this.outbound.command({ do: 'outbound-use', sa: outbound })
    this.inbound.command({ do: 'inbound-add', sa: inbound })
    return this
  }

  /** The host sends these into the tunnel; what left on the underlay. */
  send(...packets: readonly Uint8Array[]): Uint8Array[] {
    const before = this.underlay.sent.length
    for (const bytes of packets) this.tun.waiting.push({ tun: 3, bytes })
    while (this.outbound.turn(millis(0)) > 0);
    return this.underlay.sent.slice(before).map(s => s.bytes)
  }

  /** These arrive on the underlay; what the host got. */
  receive(
    packets: readonly Uint8Array[],
    how: Partial<{ socket: number; remote: Endpoint; tos: number }> = {},
  ) {
    const before = this.tun.written.length
    const { socket = SOCKET.udp4500, remote = THERE, tos = 0 } = how
    for (const bytes of packets) this.underlay.arriving.push({ socket, bytes, remote, local: HERE, tos })
    while (this.inbound.turn(millis(0)) > 0);
    return this.tun.written.slice(before).map(w => w.bytes)
  }

  /** All drops that happened. */
  drops(): Partial<Record<Drop, number>> {
    return Object.fromEntries(Object.entries(this.counters.dropped()).filter(([, n]) => n > 0))
  }

  said<K extends DatapathEvent['on']>(on: K): Extract<DatapathEvent, { on: K }>[] {
    return this.events.filter((e): e is Extract<DatapathEvent, { on: K }> => e.on === on)
  }
}

export function toySealer(front = 16, icvLength = 16, esn = true): FakeSealer {
  const sealer = new FakeSealer(front, icvLength, esn)
  for (let sa = 0; sa < 32; sa++) sealer.keys.set(sa, 0x5b)
  return sealer
}

/** Two routers that know each other; the second's inbound SA is the first's outbound. */
export function pair(
  tunnel: TunnelSpec = tunnelSpec,
  sa: SaSpec = saSpec,
  sealer?: () => Sealer,
): [Router, Router] {
  const a = new Router(sealer?.()).configure(tunnel, sa, sa)
  const far = {
    ...tunnel,
    remoteAddress: HERE.address,
    farAddresses: ['10.255.0.1', 'fd00:7::1'],
    nearAddresses: ['10.255.0.2', 'fd00:7::2'],
  }
  const b = new Router(sealer?.()).configure(far, mirrored(sa), mirrored(sa))
  return [a, b]
}
