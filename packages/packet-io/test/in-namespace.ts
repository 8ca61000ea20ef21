/**
 * What needs a kernel, in one namespace of its own. `system.test.ts` starts it there; on its own it would open
 * interfaces and ports 500 and 4500 of the machine.
 */
import { spawnSync } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { millis } from '@brunel/base'
import { type Batch, OUTBOUND_SHAPE, ROW, ROW_FIELDS, SOCKET } from '@brunel/datapath'
import t from 'tap'
import { native, pumpNumber } from '../src/native.js'
import { openPacketIo } from '../src/packet-io.js'
import { NativeTun, NativeUnderlay } from '../src/pump-ports.js'
import { PacketIoError } from '../src/refusal.js'
import { inboundBatch, outboundBatch } from './batches.js'

if (process.env['BRUNEL_TEST_NAMESPACE'] === undefined)
  throw new Error('start system.test.js, it makes a namespace')

function ip(...args: string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
}

const outbound = outboundBatch()
const inbound = inboundBatch()
const WAIT = millis(5000)

const field = (batch: Batch, row: number, f: number): number => batch.rows[row * ROW_FIELDS + f]!
const bytesOf = (batch: Batch, row: number): Buffer => {
  const at = field(batch, row, ROW.offset)
  return Buffer.from(batch.bytes.slice(at, at + field(batch, row, ROW.length)))
}
const addressOf = (batch: Batch, row: number): Buffer =>
  Buffer.from(batch.addresses.slice(field(batch, row, ROW.from) * 40, field(batch, row, ROW.from) * 40 + 40))

/** Lays rows into slots, alive. */
function lay(packets: readonly Uint8Array[], fields: Partial<Record<keyof typeof ROW, number>>): void {
  packets.forEach((bytes, i) => {
    const offset = i * OUTBOUND_SHAPE.slotLength + OUTBOUND_SHAPE.headroom
    outbound.bytes.set(bytes, offset)
    outbound.rows.fill(0, i * ROW_FIELDS, (i + 1) * ROW_FIELDS)
    outbound.rows[i * ROW_FIELDS + ROW.offset] = offset
    outbound.rows[i * ROW_FIELDS + ROW.length] = bytes.length
    for (const [name, value] of Object.entries(fields))
      outbound.rows[i * ROW_FIELDS + ROW[name as keyof typeof ROW]] = value
  })
}

/** All that comes until `n` packets are there or nothing comes for the wait. */
function receiveAll(
  underlay: NativeUnderlay,
  n: number,
): { bytes: Buffer; socket: number; tos: number; address: Buffer; hash: number }[] {
  const got = []
  while (got.length < n) {
    const rows = underlay.receive(inbound, 64, WAIT)
    if (rows === 0) break
    for (let i = 0; i < rows; i++) {
      const [socket, tos, hash] = [ROW.path, ROW.tos, ROW.fromHash].map(f => field(inbound, i, f)) as [
        number,
        number,
        number,
      ]
      got.push({ bytes: bytesOf(inbound, i), socket, tos, hash, address: addressOf(inbound, i) })
    }
  }
  return got
}

const io = native.openIo(500, 4500)
const other = native.openIo(5500, 5501)
t.teardown(() => {
  native.closeIo(io)
  native.closeIo(other)
})
const underlay = new NativeUnderlay(pumpNumber(io, 'inbound'))
const farUnderlay = new NativeUnderlay(pumpNumber(other, 'inbound'))
const tun = new NativeTun(pumpNumber(io, 'outbound'))

/** Different in length and content. */
const datagrams = (n: number, length: (i: number) => number): Buffer[] =>
  Array.from({ length: n }, (_, i) => Buffer.alloc(length(i), i + 1))

for (const [family, near, far] of [
  ['IPv4', '127.0.0.1', '127.0.0.2'],
  ['IPv6', '::1', '::1'],
] as const) {
  t.test(
    `${family}: what is sent in groups arrives packet by packet, in order, with its TOS and addresses`,
    async t => {
      const path = native.setPath(io, -1, true, far, 4500, near, 5501)
      const sent = datagrams(200, i => (i % 50 === 49 ? 700 : i >= 150 ? 60 + (i % 3) : 1400))
      lay(sent, { path, tos: 0x2a })
      underlay.send(outbound, sent.length)
      t.ok(sent.every((_, i) => field(outbound, i, ROW.status) === 0))
      const got = receiveAll(farUnderlay, sent.length)
      t.same(
        got.map(g => g.bytes.toString('hex')),
        sent.map(s => s.toString('hex')),
      )
      t.ok(got.every(g => g.socket === SOCKET.udp4500 && g.tos === 0x2a && g.hash === got[0]!.hash))
      const address = got[0]!.address
      t.equal(address[0], family === 'IPv4' ? 4 : 6)
      t.equal(address.readUInt16BE(2), 4500, 'port of the source')
      t.equal(address.readUInt16BE(36), 5501, 'our port')
      if (family === 'IPv4') {
        t.same([...address.subarray(4, 8)], [127, 0, 0, 2], 'it leaves from the address of the path')
        t.same([...address.subarray(20, 24)], [127, 0, 0, 1])
      }
      native.removePath(io, path)
    },
  )

  t.test(`RFC 4303 §2, ${family}: protocol 50 arrives without the IP header`, async t => {
    const path = native.setPath(io, -1, false, near, 0, near, 0)
    const sent = datagrams(100, i => 100 + i)
    lay(sent, { path, tos: 0xb8 })
    underlay.send(outbound, sent.length)
    for (const end of [underlay, farUnderlay]) {
      const got = receiveAll(end, sent.length)
      t.same(
        got.map(g => g.bytes.toString('hex')),
        sent.map(s => s.toString('hex')),
      )
      t.ok(got.every(g => g.socket === SOCKET.esp && g.tos === 0xb8))
    }
    native.removePath(io, path)
  })
}

t.test('paths of both families, TOS and lengths may mix in a batch', async t => {
  const paths = [
    native.setPath(io, -1, true, '', 4500, '127.0.0.1', 5501),
    native.setPath(io, -1, true, '', 500, '::1', 5500),
    native.setPath(io, -1, true, '', 4500, '127.0.0.1', 5500),
  ]
  const sent = datagrams(150, i => 100 + (i % 7))
  lay(sent, {})
  sent.forEach((_, i) => {
    outbound.rows[i * ROW_FIELDS + ROW.path] = paths[i % 3]!
    outbound.rows[i * ROW_FIELDS + ROW.tos] = (i >> 3) & 3
  })
  underlay.send(outbound, sent.length)
  const got = receiveAll(farUnderlay, sent.length)
  const text = (list: readonly Buffer[]): string[] => list.map(b => b.toString('hex')).sort()
  t.same(text(got.map(g => g.bytes)), text(sent))
  t.same(
    [0, 1].map(kind => got.filter(g => g.socket === kind).length),
    [100, 50],
  )
  for (const path of paths) native.removePath(io, path)
})

t.test('a row without a path, or outside the memory, is dropped by name', async t => {
  lay(
    datagrams(3, () => 50),
    { path: 77 },
  )
  underlay.send(outbound, 3)
  t.ok(field(outbound, 0, ROW.status) > 0)
  const path = native.setPath(io, -1, true, '', 4500, '127.0.0.1', 5501)
  lay(
    datagrams(1, () => 50),
    { path, offset: outbound.bytes.length - 10 },
  )
  underlay.send(outbound, 1)
  t.ok(field(outbound, 0, ROW.status) > 0)
  native.removePath(io, path)
})

t.test(
  'RFC 3948 §2.2: what the control plane sends leaves from port 4500, and a moved path moves',
  async t => {
    native.sendUdp(io, Buffer.from('to a'), '127.0.0.1', 4500, '127.0.0.1', 5500)
    t.equal(receiveAll(farUnderlay, 1)[0]?.socket, SOCKET.udp500)
    const path = native.setPath(io, -1, true, '', 4500, '127.0.0.1', 5500)
    native.setPath(io, path, true, '', 4500, '127.0.0.1', 5501)
    lay([Buffer.from('moved')], { path })
    underlay.send(outbound, 1)
    t.equal(receiveAll(farUnderlay, 1)[0]?.socket, SOCKET.udp4500)
    t.throws(() => native.setPath(io, -1, true, '', 77, '127.0.0.1', 1), TypeError, 'a port that is not ours')
    t.throws(() => native.setPath(io, -1, true, '::1', 4500, '127.0.0.1', 1), TypeError, 'two families')
    t.throws(() => native.setPath(io, 4000, true, '', 4500, '127.0.0.1', 1), TypeError, 'no such path')
    native.removePath(io, path)
  },
)

const sum16 = (b: Buffer): number => {
  let sum = 0
  for (let i = 0; i < b.length; i += 2) sum += (b[i]! << 8) | (b[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return 0xffff ^ sum
}
function ipv4(protocol: number, source: number[], destination: number[], payload: Buffer): Buffer {
  const p = Buffer.concat([Buffer.alloc(20), payload])
  p[0] = 0x45
  p.writeUInt16BE(p.length, 2)
  p[8] = 64
  p[9] = protocol
  p.set([...source, ...destination], 12)
  p.writeUInt16BE(sum16(p.subarray(0, 20)), 10)
  return p
}

t.test('a TUN is read and written', async t => {
  const index = native.openTun(io, 'pio0')
  ip('address', 'add', '10.9.0.1/24', 'dev', 'pio0')
  ip('link', 'set', 'pio0', 'up')
  const socket = createSocket('udp4')
  socket.bind(7777, '10.9.0.1')
  await once(socket, 'listening')
  socket.send(Buffer.from('outwards'), 9999, '10.9.0.2')
  await new Promise(resolve => setImmediate(resolve))
  let found: Buffer | undefined
  for (let turn = 0; turn < 20 && found === undefined; turn++) {
    const n = tun.read(outbound, 16, WAIT)
    for (let i = 0; i < n; i++) {
      const bytes = bytesOf(outbound, i)
      if (bytes[0] === 0x45 && bytes[9] === 17) found = bytes
      t.equal(field(outbound, i, ROW.tun), index)
      t.equal(field(outbound, i, ROW.offset) % OUTBOUND_SHAPE.slotLength, OUTBOUND_SHAPE.headroom)
    }
  }
  t.equal(found?.subarray(28).toString(), 'outwards')
  const answer = Buffer.concat([Buffer.alloc(8), Buffer.from('inwards')])
  answer.writeUInt16BE(9999, 0)
  answer.writeUInt16BE(7777, 2)
  answer.writeUInt16BE(answer.length, 4)
  const [message] = await Promise.all([
    once(socket, 'message'),
    (async () => {
      lay([ipv4(17, [10, 9, 0, 2], [10, 9, 0, 1], answer)], { tun: index })
      tun.write(outbound, 1)
    })(),
  ])
  t.equal(String((message as Buffer[])[0]), 'inwards')
  t.equal(field(outbound, 0, ROW.status), 0)
  lay([ipv4(17, [10, 9, 0, 2], [10, 9, 0, 1], answer)], { tun: 99 })
  tun.write(outbound, 1)
  t.ok(field(outbound, 0, ROW.status) > 0, 'no such TUN')
  socket.close()
  native.closeTun(io, index)
  t.not(spawnSync('ip', ['link', 'show', 'pio0']).status, 0, 'the interface is gone')
})

t.test('RFC 4301 §5.2: clear GRE from the underlay comes up as such, to be dropped', async t => {
  const index = native.openTun(io, 'pio1')
  ip('address', 'add', '10.9.1.1/24', 'dev', 'pio1')
  ip('link', 'set', 'pio1', 'up')
  lay([ipv4(47, [10, 9, 1, 2], [10, 9, 1, 1], Buffer.from('00000800', 'hex'))], { tun: index })
  tun.write(outbound, 1)
  const got = receiveAll(underlay, 1)
  t.equal(got[0]?.socket, SOCKET.gre)
  t.equal(got[0]?.bytes.toString('hex'), '00000800')
  native.closeTun(io, index)
})

/** Over the pseudo header and the datagram of an IPv4 packet; 0: it verifies. */
const udpSum = (p: Buffer): number =>
  sum16(Buffer.concat([p.subarray(12, 20), Buffer.from([0, 17, 0, p.length - 20]), p.subarray(20)]))

t.test(
  'RFC 3948 §2.1: the UDP checksum is sent complete, and zero and non-zero ones are accepted',
  async t => {
    const index = native.openTun(io, 'pio6')
    ip('address', 'add', '10.9.6.1/24', 'dev', 'pio6')
    ip('link', 'set', 'pio6', 'up')
    const path = native.setPath(io, -1, true, '10.9.6.1', 4500, '10.9.6.2', 4501)
    const esp = (n: number): Buffer => Buffer.from([0xc0, 0, 0, n, ...Buffer.alloc(90, n)])
    // Three of one length leave as one UDP_SEGMENT message, which the kernel refuses without a checksum; one by itself.
    for (const count of [3, 1]) {
      lay(
        Array.from({ length: count }, (_, i) => esp(i)),
        { path },
      )
      underlay.send(outbound, count)
      const sent: Buffer[] = []
      while (sent.length < count) {
        const n = tun.read(outbound, 16, WAIT)
        for (let i = 0; i < n; i++) if (bytesOf(outbound, i)[9] === 17) sent.push(bytesOf(outbound, i))
      }
      for (const p of sent) {
        t.not(p.readUInt16BE(26), 0, 'the SHOULD that we do not follow: zero')
        t.equal(udpSum(p), 0)
      }
    }
    for (const kind of ['zero', 'right'] as const) {
      const datagram = Buffer.concat([Buffer.alloc(8), esp(7)])
      datagram.writeUInt16BE(4501, 0)
      datagram.writeUInt16BE(4500, 2)
      datagram.writeUInt16BE(datagram.length, 4)
      const p = ipv4(17, [10, 9, 6, 2], [10, 9, 6, 1], datagram)
      if (kind === 'right') p.writeUInt16BE(udpSum(p), 26)
      lay([p], { tun: index })
      tun.write(outbound, 1)
      const [got] = receiveAll(underlay, 1)
      t.equal(got?.socket, SOCKET.udp4500, `a checksum that is ${kind}`)
      t.equal(got?.bytes.toString('hex'), esp(7).toString('hex'))
    }
    native.removePath(io, path)
    native.closeTun(io, index)
  },
)

t.test('RFC 4301 §8.1: DF is set or clear packet by packet, in one batch and in their order', async t => {
  const index = native.openTun(io, 'pio5')
  ip('address', 'add', '10.9.5.1/24', 'dev', 'pio5')
  ip('link', 'set', 'pio5', 'up', 'mtu', '1500')
  for (const [udp, protocol] of [
    [true, 17],
    [false, 50],
  ] as const) {
    const path = native.setPath(io, -1, udp, '10.9.5.1', udp ? 4500 : 0, '10.9.5.2', udp ? 4501 : 0)
    const may = [false, false, true, true, false, true]
    lay(
      may.map((_, i) => Buffer.from([0xc0, 0, 0, i, ...Buffer.alloc(60)])),
      { path },
    )
    may.forEach((one, i) => {
      outbound.rows[i * ROW_FIELDS + ROW.tos] = one ? 0x100 | 0xb8 : 0xb8
    })
    underlay.send(outbound, may.length)
    const sent: Buffer[] = []
    while (sent.length < may.length) {
      const n = tun.read(outbound, 16, WAIT)
      for (let i = 0; i < n; i++) if (bytesOf(outbound, i)[9] === protocol) sent.push(bytesOf(outbound, i))
    }
    t.same(
      sent.map(p => [p[20 + (udp ? 8 : 0) + 3], (p.readUInt16BE(6) & 0x4000) === 0, p[1]]),
      may.map((one, i) => [i, one, 0xb8]),
    )
    native.removePath(io, path)
  }
  native.closeTun(io, index)
})

t.test('RFC 4301 §8.2.1: "too big" from the underlay names the far end, the SPI and the MTU', async t => {
  const index = native.openTun(io, 'pio2')
  ip('address', 'add', '10.9.2.1/24', 'dev', 'pio2')
  ip('link', 'set', 'pio2', 'up', 'mtu', '1500')
  const esp = Buffer.concat([Buffer.from('c0ffee0100000007', 'hex'), Buffer.alloc(1300)])
  for (const [udp, port, socket] of [
    [true, 4500, SOCKET.udp4500],
    [false, 0, SOCKET.esp],
  ] as const) {
    const path = native.setPath(io, -1, udp, '10.9.2.1', port, '10.9.2.2', udp ? 4501 : 0)
    lay([esp], { path })
    underlay.send(outbound, 1)
    let sent: Buffer | undefined
    while (sent === undefined) {
      const n = tun.read(outbound, 16, WAIT)
      for (let i = 0; i < n; i++) if (bytesOf(outbound, i)[9] === (udp ? 17 : 50)) sent = bytesOf(outbound, i)
    }
    t.equal(sent.readUInt16BE(6), 0x4000, 'DF is set')
    const icmp = Buffer.concat([Buffer.from('0304000000000514', 'hex'), sent.subarray(0, 100)])
    icmp.writeUInt16BE(sum16(icmp), 2)
    lay([ipv4(1, [10, 9, 2, 9], [10, 9, 2, 1], icmp)], { tun: index })
    tun.write(outbound, 1)
    t.equal(underlay.receive(inbound, 64, WAIT), 0)
    t.same(underlay.tooBig(), [
      { remote: { address: '10.9.2.2', port: udp ? 4501 : 0 }, socket, mtu: 1300, spi: 0xc0ffee01 },
    ])
    native.removePath(io, path)
  }
  ip('link', 'set', 'pio2', 'mtu', '1200')
  const path = native.setPath(io, -1, true, '', 4500, '10.9.2.2', 4501)
  lay([esp, esp, esp], { path })
  underlay.send(outbound, 3)
  t.ok(field(outbound, 2, ROW.status) > 0, 'larger than the link itself: dropped by name')
  underlay.receive(inbound, 64, millis(50))
  t.ok(
    underlay.tooBig().some(e => e.mtu === 1200 && e.remote.address === '10.9.2.2'),
    'and told',
  )
  native.removePath(io, path)
  native.closeTun(io, index)
})

t.test('a wait over many TUNs ends with the one that has a packet, or with the wake', async t => {
  const tuns = Array.from({ length: 40 }, (_, i) => native.openTun(io, `many${i}`))
  tuns.forEach((_, i) => {
    ip('address', 'add', `10.8.${i}.1/24`, 'dev', `many${i}`)
    ip('link', 'set', `many${i}`, 'up')
  })
  while (tun.read(outbound, 64, millis(100)) > 0); // the kernel's own greetings
  const socket = createSocket('udp4')
  socket.send(Buffer.from('x'), 9, '10.8.33.2')
  await new Promise(resolve => setImmediate(resolve))
  const seen = new Set<number>()
  for (let n = tun.read(outbound, 64, WAIT); n > 0; n = tun.read(outbound, 64, millis(50))) {
    for (let i = 0; i < n; i++) if (bytesOf(outbound, i)[9] === 17) seen.add(field(outbound, i, ROW.tun))
  }
  t.same([...seen], [tuns[33]])
  socket.close()
  const start = performance.now()
  native.wake(pumpNumber(io, 'outbound'))
  t.equal(tun.read(outbound, 64, millis(5000)), 0)
  t.ok(performance.now() - start < 2500, 'the wake ended the wait')
  for (const index of tuns) native.closeTun(io, index)
})

const refused = (f: () => unknown): PacketIoError => {
  try {
    f()
  } catch (error) {
    if (error instanceof PacketIoError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

t.test('a taken port is named, with who has it and what to do', async t => {
  const error = refused(() => openPacketIo({ ports: { ike: 500, natt: 4500 }, onEvent: () => undefined }))
  t.equal(error.code, 'BRUNEL_PORT_TAKEN')
  t.match(error.message, /UDP port 500 .*taken by .*\(pid \d+\)/)
  t.match(error.remedy, /Stop the other IKE daemon/)
  t.ok(error.cause)
})

t.test('an interface that exists is never taken over, and a bad name never reaches the kernel', async t => {
  ip('link', 'add', 'mine0', 'type', 'veth', 'peer', 'name', 'mine1')
  const mine = openPacketIo({ ports: { ike: 6500, natt: 6501 }, onEvent: () => undefined })
  const error = refused(() => mine.openTun('mine0'))
  t.equal(error.code, 'BRUNEL_INTERFACE_TAKEN')
  for (const name of ['', 'a'.repeat(16), 'x/y', 'gre%d', '..'])
    t.throws(() => mine.openTun(name), TypeError, name)
  await mine.stop()
  ip('link', 'del', 'mine0')
})

t.test('an instance starts and stops again, and what was stopped answers no more', async t => {
  for (let i = 0; i < 3; i++) {
    const events: unknown[] = []
    const one = openPacketIo({ ports: { ike: 6500, natt: 6501 }, onEvent: event => events.push(event) })
    one.openTun('again0')
    one.command({ do: 'ike-spi', spi: '0123456789abcdef', ours: true })
    await one.stop()
    await one.stop()
    t.same(events, [{ on: 'stopped' }, { on: 'stopped' }])
    t.not(spawnSync('ip', ['link', 'show', 'again0']).status, 0)
    t.throws(() => one.openTun('again0'), /closed/)
    one.command({ do: 'ike-spi', spi: '0123456789abcdef', ours: false })
    await new Promise(setImmediate) // would throw where nobody can catch it
  }
})
