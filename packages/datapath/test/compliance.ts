import { type Endpoint, type Millis, millis } from '@brunel/base'
import { type Batch, ROW, ROW_FIELDS, type Sealer, type Tun, type Underlay } from '@brunel/datapath'
import type { Test } from 'tap'

/**
 * What every implementation of the ports owes the pumps. The fakes and the addon run the same suite; the subject says
 * how to reach the other side of a port.
 */

const WAIT = millis(1000)
const field = (batch: Batch, i: number, name: keyof typeof ROW): number =>
  batch.rows[i * ROW_FIELDS + ROW[name]] as number

const octets = (batch: Batch, i: number): Uint8Array => {
  const offset = field(batch, i, 'offset')
  return batch.bytes.slice(offset, offset + field(batch, i, 'length'))
}

/** Writes row `i`, at the headroom of slot `i`. */
function put(
  batch: Batch,
  i: number,
  bytes: Uint8Array,
  fields: Partial<Record<keyof typeof ROW, number>>,
): void {
  const { slotLength, headroom } = batch.shape
  const offset = i * slotLength + headroom
  batch.bytes.set(bytes, offset)
  const row = i * ROW_FIELDS
  batch.rows.fill(-1, row, row + ROW_FIELDS)
  for (const [name, value] of Object.entries({ offset, length: bytes.length, status: 0, ...fields })) {
    batch.rows[row + ROW[name as keyof typeof ROW]] = value
  }
}

/** An IPv4 packet of UDP without a checksum, which any interface takes. */
export function plainPacket(fill: number, length = 100): Uint8Array {
  const bytes = new Uint8Array(length).fill(fill)
  const view = new DataView(bytes.buffer)
  bytes.set([0x45, 0, 0, 0, fill, fill, 0x40, 0, 64, 17, 0, 0, 10, 255, 0, 2, 10, 255, 0, 1])
  view.setUint16(2, length)
  let sum = 0
  for (let at = 0; at < 20; at += 2) sum += view.getUint16(at)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  view.setUint16(10, ~sum & 0xffff)
  bytes.set([0x30, fill, 0x30, fill, (length - 20) >>> 8, (length - 20) & 0xff, 0, 0], 20)
  return bytes
}

export interface TunSubject {
  readonly port: Tun
  readonly batch: Batch
  readonly tun: number
  /** The host sends this packet into the interface. */
  hostSends(packet: Uint8Array): Promise<void>
  /** What the host got from the interface, once `count` packets are there. */
  hostGot(count: number): Promise<readonly Uint8Array[]>
}

export function tunCompliance(t: Test, make: () => Promise<TunSubject>): void {
  t.test('Tun: a read that finds nothing returns 0 when the time is over', async t => {
    const { port, batch } = await make()
    t.equal(port.read(batch, 64, millis(1)), 0)
  })

  t.test('Tun: a packet of the host stands in its slot with room around it, alive, with its TUN', async t => {
    const { port, batch, tun, hostSends } = await make()
    await hostSends(plainPacket(1))
    t.equal(port.read(batch, 64, WAIT), 1)
    const { slotLength, headroom } = batch.shape
    const offset = field(batch, 0, 'offset')
    t.ok(offset >= headroom && offset + 100 <= slotLength, 'row 0 lies in slot 0, behind the headroom')
    t.same([field(batch, 0, 'status'), field(batch, 0, 'tun')], [0, tun])
    t.same(octets(batch, 0), plainPacket(1))
  })

  t.test('Tun: a write passes rows that are alive, in order, and no others', async t => {
    const { port, batch, tun, hostGot } = await make()
    put(batch, 0, plainPacket(1), { tun })
    put(batch, 1, plainPacket(2), { tun, status: 1 })
    put(batch, 2, plainPacket(3, 77), { tun })
    port.write(batch, 3)
    t.same(await hostGot(2), [plainPacket(1), plainPacket(3, 77)])
    t.same([field(batch, 0, 'status'), field(batch, 1, 'status'), field(batch, 2, 'status')], [0, 1, 0])
  })

  t.test('Tun: a row for a TUN that is not there gets a drop status; the others pass', async t => {
    const { port, batch, tun, hostGot } = await make()
    put(batch, 0, plainPacket(1), { tun: 4000 })
    put(batch, 1, plainPacket(2), { tun })
    port.write(batch, 2)
    t.same(await hostGot(1), [plainPacket(2)])
    t.ok(field(batch, 0, 'status') > 0)
  })
}

export interface UnderlaySubject {
  readonly port: Underlay
  /** As the inbound pump has it: rows point into receive buffers. */
  readonly inbound: Batch
  /** As the outbound pump has it: slots. */
  readonly outbound: Batch
  readonly path: number
  /** The other router sends this to our socket; it came from `remote`. */
  peerSends(bytes: Uint8Array, tos: number): Promise<void>
  peerGot(count: number): Promise<readonly Uint8Array[]>
  readonly remote: Endpoint
  readonly socket: number
  /** Another end point of the other router sends. */
  strangerSends(bytes: Uint8Array): Promise<void>
}

export function underlayCompliance(t: Test, make: () => Promise<UnderlaySubject>): void {
  const wait: Millis = WAIT
  t.test('Underlay: a receive that finds nothing returns 0 when the time is over', async t => {
    const { port, inbound } = await make()
    t.equal(port.receive(inbound, 64, millis(1)), 0)
    t.same(port.tooBig(), [])
  })

  t.test('Underlay: a datagram says its socket, type of service and source', async t => {
    const { port, inbound, socket, peerSends, remote } = await make()
    await peerSends(plainPacket(9), 0xb9)
    t.equal(port.receive(inbound, 64, wait), 1)
    t.same(octets(inbound, 0), plainPacket(9))
    t.same(
      [field(inbound, 0, 'status'), field(inbound, 0, 'path'), field(inbound, 0, 'tos')],
      [0, socket, 0xb9],
    )
    const row = field(inbound, 0, 'from') * 40
    t.equal(inbound.addresses[row], remote.address.includes(':') ? 6 : 4)
    const port16 = ((inbound.addresses[row + 2] as number) << 8) | (inbound.addresses[row + 3] as number)
    t.equal(port16, remote.port)
    if (!remote.address.includes(':')) {
      t.equal(inbound.addresses.slice(row + 4, row + 8).join('.'), remote.address)
    }
  })

  t.test(
    'Underlay: the hash of the source is the same for the same source, and another for another',
    async t => {
      const { port, inbound, peerSends, strangerSends } = await make()
      const hashes: number[] = []
      for (const send of [peerSends, peerSends, strangerSends]) {
        await send(plainPacket(5), 0)
        t.equal(port.receive(inbound, 64, wait), 1)
        hashes.push(field(inbound, 0, 'fromHash'))
      }
      t.equal(hashes[0], hashes[1])
      t.not(hashes[0], hashes[2])
    },
  )

  t.test('Underlay: a send passes rows that are alive, in order, of any length, and no others', async t => {
    const { port, outbound, path, peerGot } = await make()
    const packets = [100, 100, 100, 99, 1300, 40, 40].map((length, i) => plainPacket(i + 1, length))
    packets.forEach((bytes, i) => {
      put(outbound, i, bytes, { path, tos: 0, status: i === 1 ? 1 : 0 })
    })
    port.send(outbound, packets.length)
    t.same(
      await peerGot(6),
      packets.filter((_, i) => i !== 1),
    )
  })

  t.test('Underlay: a row for a path that is not there gets a drop status; the others pass', async t => {
    const { port, outbound, path, peerGot } = await make()
    put(outbound, 0, plainPacket(1), { path: 60000, tos: 0 })
    put(outbound, 1, plainPacket(2), { path, tos: 0 })
    port.send(outbound, 2)
    t.same(await peerGot(1), [plainPacket(2)])
    t.ok(field(outbound, 0, 'status') > 0)
  })
}

export interface SealerSubject {
  readonly port: Sealer
  readonly batch: Batch
  /** Two SAs that open what they sealed themselves. */
  readonly sas: readonly [number, number]
  readonly ivLength: number
  readonly icvLength: number
  /** The IV is the caller's. */
  readonly counterIv: boolean
  readonly esn: boolean
}

export function sealerCompliance(t: Test, make: () => Promise<SealerSubject>): void {
  const espOf = (s: SealerSubject, sequence: number): Uint8Array => {
    const bytes = new Uint8Array(8 + s.ivLength + 64 + s.icvLength).fill(0x5a)
    bytes.set([0xc0, 0xff, 0xee, 1, 0, 0, 0, sequence])
    return bytes
  }
  const plain = (s: SealerSubject, bytes: Uint8Array): Uint8Array =>
    bytes.slice(8 + s.ivLength, bytes.length - s.icvLength)

  t.test(
    'Sealer: a batch of two SAs is sealed in place and opens to what it was; dead rows stay as they are',
    async t => {
      const s = await make()
      for (let i = 0; i < 4; i++) {
        put(s.batch, i, espOf(s, i + 1), { sa: s.sas[i & 1] as number, seqHigh: 0, status: i === 3 ? 1 : 0 })
      }
      s.port.seal(s.batch, 4)
      t.same(octets(s.batch, 3), espOf(s, 4))
      for (let i = 0; i < 3; i++) {
        const sealed = octets(s.batch, i)
        t.same(sealed.slice(0, 8), espOf(s, i + 1).slice(0, 8), 'SPI and sequence number stay in the clear')
        if (s.counterIv) t.same(sealed.slice(8, 8 + s.ivLength), espOf(s, 1).slice(8, 8 + s.ivLength))
        t.not(
          Buffer.from(plain(s, sealed)).toString('hex'),
          Buffer.from(plain(s, espOf(s, 1))).toString('hex'),
        )
      }
      s.port.open(s.batch, 4)
      for (let i = 0; i < 3; i++) {
        t.equal(field(s.batch, i, 'status'), 0)
        t.same(plain(s, octets(s.batch, i)), plain(s, espOf(s, 1)))
      }
    },
  )

  t.test(
    'Sealer: RFC 4303 §3.4.4: what was changed on the way has status -1, and its neighbours are well',
    async t => {
      const s = await make()
      const places = [0, 5, 8, 8 + s.ivLength, 8 + s.ivLength + 64].filter(at => at !== 8 || s.ivLength > 0)
      for (let i = 0; i <= places.length; i++) put(s.batch, i, espOf(s, i + 1), { sa: s.sas[0], seqHigh: 0 })
      s.port.seal(s.batch, places.length + 1)
      places.forEach((at, i) => {
        const where = field(s.batch, i, 'offset') + at
        s.batch.bytes[where] = (s.batch.bytes[where] as number) ^ 1
      })
      s.port.open(s.batch, places.length + 1)
      for (const [i, at] of places.entries()) t.equal(field(s.batch, i, 'status'), -1, `octet ${at}`)
      t.equal(field(s.batch, places.length, 'status'), 0)
    },
  )

  t.test(
    'Sealer: RFC 4303 §2.2.1: the high half of the sequence number is authenticated with ESN, and only then',
    async t => {
      const s = await make()
      put(s.batch, 0, espOf(s, 1), { sa: s.sas[0], seqHigh: 1 })
      s.port.seal(s.batch, 1)
      s.batch.rows[ROW.seqHigh] = 2
      s.port.open(s.batch, 1)
      t.equal(field(s.batch, 0, 'status'), s.esn ? -1 : 0)
    },
  )
}
