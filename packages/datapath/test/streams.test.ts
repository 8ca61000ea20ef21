import { type Drop, type Endpoint, instant, isDrop, millis } from '@brunel/base'
import { Admission, DEFAULT_LIMITS, type StreamDoor, StreamIntake, StreamUnderlay } from '@brunel/datapath'
import { TcpEncapsulation } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import type { StreamInbox, StreamRun } from '../src/stream-inbox.js'
import { ipv4 } from './packets.js'
import { HERE, mirrored, Router, saSpec, THERE } from './router.js'

/** The far end of a connection as seen from here. */
const FROM: Endpoint = { ...THERE, port: 40_001, stream: 7 }

/** The thread that holds the connections, in memory. */
class FakeDoor implements StreamDoor {
  readonly paths = new Map<number, number>()
  readonly rooms = new Map<number, number>()
  readonly posted: { readonly stream: number; readonly bytes: Uint8Array }[] = []
  readonly waiting: StreamRun[] = []
  readonly corrupted: number[] = []
  octetsTaken = 0

  inUse(): boolean {
    return this.paths.size > 0
  }
  streamOf(path: number): number {
    return this.paths.get(path) ?? 0
  }
  room(stream: number): number | undefined {
    return this.rooms.get(stream)
  }
  post(stream: number, bytes: Uint8Array): void {
    this.posted.push({ stream, bytes })
  }
  collect(inbox: StreamInbox): void {
    for (const run of this.waiting.splice(0)) inbox.push(run)
  }
  taken(octets: number): void {
    this.octetsTaken += octets
  }
  corrupt(stream: number): void {
    this.corrupted.push(stream)
  }
}

/** A router whose pumps have connections beside their sockets. */
class StreamRouter extends Router {
  readonly door = new FakeDoor()
  readonly streams: StreamUnderlay = new StreamUnderlay(this.underlay, this.door)

  constructor() {
    super()
    this.rewire(this.streams)
  }

  /** These octets come by the connection; what the host got. */
  stream(octets: Uint8Array, intake = new StreamIntake(7, { local: HERE, remote: FROM }, false)): number {
    const runs = intake.take(octets)
    if (isDrop(runs)) throw new Error(runs)
    this.door.waiting.push(...runs)
    const before = this.tun.written.length
    while (this.inbound.turn(millis(0)) > 0);
    return this.tun.written.length - before
  }
}

const viaStream = { ...saSpec, remote: FROM }

/** What the far end put into the stream for these packets. */
function sealedBy(packets: readonly Uint8Array[]): Uint8Array[] {
  const far = new StreamRouter()
  far.configure(undefined, mirrored(saSpec), mirrored(saSpec))
  far.door.paths.set(saSpec.path, 2)
  far.door.rooms.set(2, 1e9)
  far.send(...packets)
  t.same(far.underlay.sent, [], 'nothing left as a datagram')
  return far.door.posted.map(one => one.bytes)
}

t.test('RFC 8229 §3.2: ESP leaves by the connection of its path and is counted as sent', async t => {
  const near = new StreamRouter()
  near.configure()
  near.door.paths.set(saSpec.path, 4)
  near.door.rooms.set(4, 1e6)
  near.send(ipv4(), ipv4())
  t.equal(near.door.posted.length, 1, 'one piece of stream a batch')
  const { stream, bytes } = near.door.posted[0] ?? { stream: 0, bytes: new Uint8Array() }
  t.equal(stream, 4)
  const first = TcpEncapsulation.lengthAt(bytes, 0)
  t.equal(bytes.length, 2 * first, 'two messages of the same length')
  t.equal(new DataView(bytes.buffer, bytes.byteOffset).getUint32(2), saSpec.spi)
  t.equal(near.counters.cells[near.counters.tunnel('outbound', 3)], 2)
})

t.test('a path that leads into no connection leaves as a datagram, beside those that do', async t => {
  const near = new StreamRouter()
  near.configure()
  near.door.paths.set(saSpec.path + 1, 4)
  near.door.rooms.set(4, 1e6)
  t.equal(near.send(ipv4()).length, 1)
  t.same(near.door.posted, [])
})

t.test('a connection that takes no more loses packets with a name: tcp-queue-full', async t => {
  const near = new StreamRouter()
  near.configure()
  near.door.paths.set(saSpec.path, 4)
  near.door.rooms.set(4, 400)
  near.send(ipv4({ length: 100 }), ipv4({ length: 100 }), ipv4({ length: 100 }))
  t.equal(near.drops()['tcp-queue-full'], 1)
  t.ok((near.door.posted[0]?.bytes.length ?? 999) <= 400)
  t.equal(near.counters.cells[near.counters.tunnel('outbound', 3)], 2, 'only what left is counted')
})

t.test('a broken connection loses packets with a name: tcp-down', async t => {
  const near = new StreamRouter()
  near.configure()
  near.door.paths.set(saSpec.path, 4)
  near.send(ipv4(), ipv4())
  t.equal(near.drops()['tcp-down'], 2)
  t.same(near.underlay.sent, [], 'never another way')
})

t.test('RFC 8229 §3: however the stream is cut, the inner packets come out whole and in order', async () => {
  const packets = Array.from({ length: 40 }, (_, i) => ipv4({ length: 60 + 30 * i }))
  const [stream = new Uint8Array()] = sealedBy(packets)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 30 }), sizes => {
      const near = new StreamRouter()
      near.configure(undefined, saSpec, viaStream)
      const intake = new StreamIntake(7, { local: HERE, remote: FROM }, false)
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] as number
        near.stream(stream.subarray(at, at + size), intake)
        at += size
      }
      return near.tun.written.map(w => w.bytes.length).join() === packets.map(p => p.length).join()
    }),
    { numRuns: 30 },
  )
})

t.test('more messages than a batch has rows come in several batches, all of them', async t => {
  const near = new StreamRouter()
  near.configure(undefined, saSpec, viaStream)
  const keepalives = TcpEncapsulation.emitAll(Array.from({ length: 1200 }, () => Uint8Array.of(0xff)))
  near.stream(keepalives)
  t.equal(near.drops()['nat-keepalive'], 1200, 'RFC 8229 §10: dropped in silence')
  t.equal(near.door.octetsTaken, keepalives.length)
  t.same(near.door.corrupted, [])
})

t.test('RFC 8229 §3.1: IKE goes up with the connection it came by', async t => {
  const near = new StreamRouter()
  const init = new Uint8Array(32)
  init.set([1, 1, 1, 1, 1, 1, 1, 1])
  init.set([0x21, 0x20, 34, 0x08], 16)
  init[27] = 32
  near.stream(TcpEncapsulation.emitIke(init) ?? new Uint8Array())
  const [event] = near.events
  t.match(event, { on: 'ike', local: HERE, remote: FROM })
  t.equal(event?.on === 'ike' && event.bytes.length, 32, 'without the marker')
})

t.test('RFC 8229 §6: authentic ESP by another connection is news, a replay is not', async t => {
  const [stream = new Uint8Array()] = sealedBy([ipv4()])
  const near = new StreamRouter()
  near.configure(undefined, saSpec, { ...viaStream, remote: { ...FROM, stream: 5 } })
  t.equal(near.stream(stream), 1, 'it is taken all the same')
  const moved = (): unknown[] => near.events.flatMap(e => (e.on === 'sa-source' ? [e.remote] : []))
  t.same(moved(), [FROM])
  t.equal(near.stream(stream, new StreamIntake(9, { local: HERE, remote: FROM }, false)), 0)
  t.same(moved(), [FROM])
  t.equal(near.drops()['esp-replay'], 1)
})

t.test('RFC 8229 §6: nonsense without end closes the connection; a few unknown SPIs do not', async t => {
  const near = new StreamRouter()
  near.configure(undefined, saSpec, viaStream)
  const [good = new Uint8Array()] = sealedBy([ipv4()])
  const unknown = (n: number): Uint8Array =>
    TcpEncapsulation.emitAll(Array.from({ length: n }, () => new Uint8Array(60).fill(0x77)))
  const intake = new StreamIntake(7, { local: HERE, remote: FROM }, false)
  near.stream(unknown(40), intake)
  near.stream(good, intake)
  near.stream(unknown(40), intake)
  t.same(near.door.corrupted, [])
  near.stream(unknown(60), intake)
  near.stream(good, intake)
  t.same(near.door.corrupted, [7])
})

t.test('sockets have their turn while connections are busy', async t => {
  const near = new StreamRouter()
  near.configure(undefined, saSpec, viaStream)
  const keepalive = TcpEncapsulation.emitAll([Uint8Array.of(0xff)])
  const intake = new StreamIntake(7, { local: HERE, remote: FROM }, false)
  const runs = (): StreamRun[] => intake.take(keepalive) as StreamRun[]
  near.underlay.arriving.push({ socket: 1, bytes: Uint8Array.of(0xff), remote: THERE, local: HERE, tos: 0 })
  near.door.waiting.push(...runs())
  near.inbound.turn(millis(0))
  near.door.waiting.push(...runs())
  near.inbound.turn(millis(0))
  t.equal(near.underlay.arriving.length, 0)
})

const at = (ms: number) => instant(ms)

t.test('RFC 8229 §13: connections of strangers are limited in number and in time', async t => {
  const limits = { ...DEFAULT_LIMITS, strangers: 3, perAddress: 2 }
  const admission = new Admission(limits)
  t.equal(admission.accept(at(0), 1, '192.0.2.9'), undefined)
  t.equal(admission.accept(at(0), 3, '192.0.2.9'), undefined)
  t.equal(admission.accept(at(0), 5, '192.0.2.9'), 'tcp-limit', 'from one address')
  t.equal(admission.accept(at(0), 7, '192.0.2.8'), undefined)
  t.equal(admission.accept(at(0), 9, '192.0.2.7'), 'tcp-limit', 'in all')
  admission.opened(at(100), 3)
  t.same(admission.overdue(at(limits.prefixWait - 1)), [])
  t.same(
    admission.overdue(at(limits.prefixWait)).map(o => [o.stream, o.drop]),
    [
      [1, 'tcp-idle'],
      [7, 'tcp-idle'],
    ] satisfies [number, Drop][],
    'no prefix in time',
  )
  admission.settled(1)
  admission.settled(7)
  t.same(
    admission.overdue(at(100 + limits.bindWait)).map(o => o.stream),
    [3],
    'no IKE SA in time',
  )
  admission.settled(3)
  t.equal(admission.accept(at(0), 11, '192.0.2.9'), undefined, 'whoever proved itself makes room')
})
