import { instant, millis } from '@brunel/base'
import {
  Batch,
  Counters,
  InboundPump,
  OUTBOUND_SHAPE,
  OutboundPump,
  ROW,
  ROW_FIELDS,
  type SaSpec,
  SOCKET,
  type TunnelSpec,
} from '@brunel/datapath'
import type { Kind } from '@brunel/ospf-relay'
import { writeAddressRow } from '../src/address-row.js'
import { HERE, mirrored, pair, saSpec, THERE, tunnelSpec } from './router.js'

/**
 * Ports that cost next to nothing and give the same packets again and again: what is left is the header work of the
 * pumps, for the allocation test and the benchmark.
 */

const BATCH = 64
const nothing = (): void => undefined

export interface Treadmill {
  /** Header work for one batch. */
  turn(): number
  /** Packets that were dropped. */
  drops(): number
}

const shape = OUTBOUND_SHAPE
const newBatch = (): Batch => new Batch(shape, new ArrayBuffer(shape.rows * shape.slotLength))
const total = (counters: Counters): number => Object.values(counters.dropped()).reduce((a, b) => a + b, 0)

export function outboundTreadmill(
  packet: Uint8Array,
  sa: SaSpec = saSpec,
  tunnel: TunnelSpec = tunnelSpec,
  kinds: readonly Kind[] = [],
): Treadmill {
  const batch = newBatch()
  const counters = new Counters()
  let time = 1000
  const read = (): number => {
    for (let i = 0; i < BATCH; i++) {
      const row = i * ROW_FIELDS
      batch.rows[row + ROW.offset] = i * shape.slotLength + shape.headroom
      batch.rows[row + ROW.length] = packet.length
      batch.rows[row + ROW.tun] = tunnel.tun
      batch.rows[row + ROW.status] = 0
    }
    return BATCH
  }
  for (let i = 0; i < BATCH; i++) batch.bytes.set(packet, i * shape.slotLength + shape.headroom)
  const ports = {
    tun: { read, write: nothing },
    underlay: { receive: () => 0, send: nothing, tooBig: () => [] },
    sealer: { seal: nothing, open: nothing },
    clock: { now: () => instant(time++ & 0xffff) },
  }
  const pump = new OutboundPump(ports, batch, counters, nothing)
  pump.command({ do: 'tunnel-set', tunnel })
  pump.command({ do: 'relay-set', tun: tunnel.tun, kinds })
  pump.command({ do: 'outbound-use', sa })
  return { turn: () => pump.turn(millis(0)), drops: () => total(counters) }
}

export function inboundTreadmill(
  packet: Uint8Array,
  sa: SaSpec = saSpec,
  tunnel: TunnelSpec = tunnelSpec,
  kinds: readonly Kind[] = [],
): Treadmill {
  const [near] = pair(tunnel, sa, () => ({ seal: nothing, open: nothing }))
  const [esp] = near.send(packet) as [Uint8Array]
  const batch = newBatch()
  const counters = new Counters()
  let [time, sequence] = [1000, 0]
  const none: never[] = []
  const receive = (): number => {
    for (let i = 0; i < BATCH; i++) {
      const row = i * ROW_FIELDS
      const offset = i * shape.slotLength
      sequence += 1
      batch.view.setUint32(offset + 4, sequence)
      batch.rows[row + ROW.offset] = offset
      batch.rows[row + ROW.length] = esp.length
      batch.rows[row + ROW.path] = SOCKET.udp4500
      batch.rows[row + ROW.tos] = 0
      batch.rows[row + ROW.from] = 0
      batch.rows[row + ROW.fromHash] = 77
      batch.rows[row + ROW.status] = 0
    }
    return BATCH
  }
  for (let i = 0; i < BATCH; i++) batch.bytes.set(esp, i * shape.slotLength)
  writeAddressRow(batch, 0, HERE, THERE)
  const ports = {
    tun: { read: () => 0, write: nothing },
    underlay: { receive, send: nothing, tooBig: () => none },
    sealer: { seal: nothing, open: nothing },
    clock: { now: () => instant(time++ & 0xffff) },
    refresh: () => false,
  }
  const pump = new InboundPump(ports, batch, counters, nothing)
  pump.command({ do: 'tunnel-set', tunnel: { ...tunnel, farAddresses: [] } })
  pump.command({ do: 'relay-set', tun: tunnel.tun, kinds })
  // As while another SA is negotiated.
  pump.command({ do: 'esp-spi', spi: 0x7fffffff, ours: true })
  pump.command({ do: 'inbound-add', sa: mirrored(sa) })
  return { turn: () => pump.turn(millis(0)), drops: () => total(counters) }
}
