import { performance } from 'node:perf_hooks'
import { instant, millis } from '@brunel/base'
import {
  Batch,
  Counters,
  type Direction,
  INBOUND_SHAPE,
  InboundPump,
  OUTBOUND_SHAPE,
  OutboundPump,
  ROW,
  ROW_FIELDS,
  type SaSpec,
  type Sealer,
  SOCKET,
  type Tun,
  type Underlay,
} from '@brunel/datapath'

/** Turns of 64 packets; enough for the optimising compiler. Fewer only make the first packets slow. */
const TURNS = 250
/** A tenth of a second is enough where nobody else works; a busy machine must not make the first tunnel wait. */
const PATIENCE_MS = 200
const ROWS = 64
const ENDLESS = Number.MAX_SAFE_INTEGER
const ENDPOINT = { address: '192.0.2.1', port: 4500 }

const SA: SaSpec = {
  sa: 0,
  spi: 0x1000,
  tun: 0,
  mode: 'tunnel',
  ivLength: 8,
  blockLength: 4,
  icvLength: 16,
  counterIv: true,
  esn: true,
  replayWindow: 4096,
  selectors: [
    {
      localStart: '0.0.0.0',
      localEnd: '255.255.255.255',
      remoteStart: '0.0.0.0',
      remoteEnd: '255.255.255.255',
      protocol: 47,
    },
  ],
  localDelivery: '192.0.2.1',
  remoteDelivery: '192.0.2.1',
  path: 0,
  remote: ENDPOINT,
  limits: { softBytes: ENDLESS, hardBytes: ENDLESS, softPackets: ENDLESS, hardPackets: ENDLESS },
}

/** 10.0.0.1 to 10.0.0.2, TCP, ACK, no payload. */
const INNER = Uint8Array.from([
  0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0x26, 0xce, 10, 0, 0, 1, 10, 0, 0, 2, 0, 80, 0, 81, 0, 0, 0, 1, 0, 0,
  0, 1, 0x50, 0x10, 2, 0, 0, 0, 0, 0,
])

/** A cable from the sealed side of one pump to that of the other: nothing is enciphered, nothing leaves. */
class Loop implements Tun, Underlay, Sealer {
  readonly #esp = Array.from({ length: ROWS }, () => new Uint8Array())
  arrived = 0

  read(batch: Batch): number {
    for (let i = 0; i < ROWS; i++) {
      this.#lay(batch, i, INNER, i * batch.shape.slotLength + batch.shape.headroom)
      batch.rows[i * ROW_FIELDS + ROW.tun] = 0
    }
    return ROWS
  }

  send(batch: Batch, n: number): void {
    for (let i = 0; i < n; i++) {
      const offset = batch.rows[i * ROW_FIELDS + ROW.offset] as number
      const length = batch.rows[i * ROW_FIELDS + ROW.length] as number
      this.#esp[i] = batch.bytes.slice(offset, offset + length)
    }
  }

  receive(batch: Batch): number {
    for (let i = 0; i < ROWS; i++) {
      this.#lay(batch, i, this.#esp[i] as Uint8Array, i * 1024)
      batch.rows[i * ROW_FIELDS + ROW.path] = SOCKET.udp4500
    }
    return ROWS
  }

  write(batch: Batch, n: number): void {
    for (let i = 0; i < n; i++) if (batch.rows[i * ROW_FIELDS + ROW.status] === 0) this.arrived += 1
  }

  tooBig(): readonly [] {
    return []
  }

  seal(): void {
    this.arrived += 0
  }

  open(): void {
    this.arrived += 0
  }

  #lay(batch: Batch, i: number, bytes: Uint8Array, offset: number): void {
    batch.bytes.set(bytes, offset)
    const row = i * ROW_FIELDS
    batch.rows.fill(0, row, row + ROW_FIELDS)
    batch.rows[row + ROW.offset] = offset
    batch.rows[row + ROW.length] = bytes.length
  }
}

/**
 * Carries packets that exist only here through pumps of their own, so that the code of this thread is compiled before
 * the first real packet: an interpreter takes 20 times as long for it. Returns how many came through.
 */
export function warmUp(direction: Direction, patience = PATIENCE_MS): number {
  const until = performance.now() + patience
  const loop = new Loop()
  const clock = { now: () => instant(1) }
  const ports = { tun: loop, underlay: loop, sealer: loop, clock, refresh: () => false }
  const counters = new Counters()
  const nothing = (): void => undefined
  const outbound = new OutboundPump(
    ports,
    new Batch(OUTBOUND_SHAPE, new ArrayBuffer(ROWS * 4096)),
    counters,
    nothing,
  )
  const inbound = new InboundPump(
    ports,
    new Batch(INBOUND_SHAPE, new ArrayBuffer(ROWS * 4096)),
    counters,
    nothing,
  )
  for (const pump of [outbound, inbound]) {
    const gre = { key: undefined, checksum: false, sequence: false }
    const tunnel = {
      tun: 0,
      name: '',
      gre,
      mtu: 1400,
      mss: { ipv4: 1360, ipv6: 1340 },
      farAddresses: [],
      nearAddresses: [],
      remoteAddress: undefined,
    }
    pump.command({ do: 'tunnel-set', tunnel })
    pump.command(pump === outbound ? { do: 'outbound-use', sa: SA } : { do: 'inbound-add', sa: SA })
  }
  const wait = millis(0)
  for (let turn = 0; turn < TURNS && performance.now() < until; turn++) {
    outbound.turn(wait)
    if (direction === 'inbound') inbound.turn(wait)
  }
  return loop.arrived
}
