import fc from 'fast-check'
import t from 'tap'
import { native } from './native.js'

const FLAG = { fin: 1, syn: 2, rst: 4, psh: 8, ack: 16, urg: 32, ece: 64, cwr: 128 }
const GSO = { none: 0, tcp4: 1, tcp6: 4, udp: 5 }
const NEEDS_CSUM = 1

interface Shape {
  readonly v6: boolean
  readonly udp: boolean
  readonly flags: number
  readonly options: Uint8Array
  readonly payload: Uint8Array
  readonly sequence: number
  readonly id: number
  readonly dontFragment: boolean
  readonly tos: number
  readonly ttl: number
  readonly port: number
  readonly ack: number
  readonly window?: number
  readonly reserved?: number
}

const plain: Shape = {
  v6: false,
  udp: false,
  flags: FLAG.ack,
  options: new Uint8Array(),
  payload: new Uint8Array(100).fill(7),
  sequence: 1000,
  id: 77,
  dontFragment: true,
  tos: 0,
  ttl: 64,
  port: 5001,
  ack: 42,
}

const onesComplement = (bytes: Uint8Array): number => {
  let sum = 0
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0)
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}

const pseudo = (p: Buffer, v6: boolean): number => {
  const l4 = p.subarray(v6 ? 40 : 20)
  const head = Buffer.alloc(v6 ? 40 : 12)
  p.copy(head, 0, v6 ? 8 : 12, v6 ? 40 : 20)
  head.writeUInt16BE(l4.length, v6 ? 34 : 10)
  head[v6 ? 39 : 9] = p[v6 ? 6 : 9]!
  return onesComplement(head)
}

/** A whole packet with good checksums, written field by field and independent of the code under test. */
function packet(s: Shape): Buffer {
  const ip = s.v6 ? 40 : 20
  const l4 = s.udp ? 8 : 20 + s.options.length
  const p = Buffer.alloc(ip + l4 + s.payload.length)
  if (s.v6) {
    p.writeUInt32BE(0x60000000 + s.tos * 0x100000 + 0x1234, 0)
    p.writeUInt16BE(p.length - 40, 4)
    p[6] = s.udp ? 17 : 6
    p[7] = s.ttl
    p.write('20010db8000000000000000000000001', 8, 'hex')
    p.write('20010db8000000000000000000000002', 24, 'hex')
  } else {
    p[0] = 0x45
    p[1] = s.tos
    p.writeUInt16BE(p.length, 2)
    p.writeUInt16BE(s.id & 0xffff, 4)
    p.writeUInt16BE(s.dontFragment ? 0x4000 : 0, 6)
    p[8] = s.ttl
    p[9] = s.udp ? 17 : 6
    p.write('0a0000010a000002', 12, 'hex')
    p.writeUInt16BE(0xffff ^ onesComplement(p.subarray(0, 20)), 10)
  }
  p.writeUInt16BE(s.port, ip)
  p.writeUInt16BE(40000, ip + 2)
  if (s.udp) {
    p.writeUInt16BE(8 + s.payload.length, ip + 4)
  } else {
    p.writeUInt32BE(s.sequence >>> 0, ip + 4)
    p.writeUInt32BE(s.ack, ip + 8)
    p[ip + 12] = ((l4 / 4) << 4) | (s.reserved ?? 0)
    p[ip + 13] = s.flags
    p.writeUInt16BE(s.window ?? 512, ip + 14)
    p.set(s.options, ip + 20)
  }
  p.set(s.payload, ip + l4)
  const at = ip + (s.udp ? 6 : 16)
  let sum = pseudo(p, s.v6) + onesComplement(p.subarray(ip))
  sum = (sum & 0xffff) + (sum >>> 16)
  p.writeUInt16BE(0xffff ^ sum || 0xffff, at)
  return p
}

/** TCP has two zeros; the split writes one of them, as the sender may have written the other. */
const same = (a: Uint8Array, b: Uint8Array): boolean => {
  const norm = (p: Uint8Array): Buffer => {
    const c = Buffer.from(p)
    const v6 = c[0]! >> 4 === 6
    const at = (v6 ? 40 : 20) + (c[v6 ? 6 : 9] === 17 ? 6 : 16)
    if (c.readUInt16BE(at) === 0xffff) c.writeUInt16BE(0, at)
    return c
  }
  return norm(a).equals(norm(b))
}

/** What the kernel hands out: the vnet header and one large packet whose checksum field holds the pseudo-header sum. */
function superPacket(s: Shape, segment: number): Buffer {
  const p = packet(s)
  const ip = s.v6 ? 40 : 20
  const field = s.udp ? 6 : 16
  p.writeUInt16BE(pseudo(p, s.v6), ip + field)
  const h = Buffer.alloc(10)
  h[0] = NEEDS_CSUM
  h[1] = s.udp ? GSO.udp : s.v6 ? GSO.tcp6 : GSO.tcp4
  h.writeUInt16LE(ip + (s.udp ? 8 : 20 + s.options.length), 2)
  h.writeUInt16LE(segment, 4)
  h.writeUInt16LE(ip, 6)
  h.writeUInt16LE(field, 8)
  return Buffer.concat([h, p])
}

/** Octets without a pattern that a checksum could miss; arbitrary arrays of fast-check stay short. */
const octets = (n: number): Uint8Array =>
  Uint8Array.from({ length: n }, (_, i) => (i * 167 + (i >> 3) * 59 + n) & 255)

const shapes = fc.record({
  v6: fc.boolean(),
  udp: fc.boolean(),
  flags: fc.constantFrom(FLAG.ack, FLAG.ack | FLAG.psh, FLAG.ack | FLAG.ece),
  options: fc.integer({ min: 0, max: 10 }).chain(n => fc.uint8Array({ minLength: n * 4, maxLength: n * 4 })),
  payload: fc.integer({ min: 1, max: 9000 }).map(octets),
  sequence: fc.integer({ min: 0, max: 0xffffffff }),
  id: fc.integer({ min: 0, max: 0xffff }),
  dontFragment: fc.boolean(),
  tos: fc.integer({ min: 0, max: 255 }),
  ttl: fc.integer({ min: 1, max: 255 }),
  port: fc.integer({ min: 1, max: 65535 }),
  ack: fc.integer({ min: 0, max: 0xffffffff }),
}) satisfies fc.Arbitrary<Shape>

t.test('RFC 1071: the checksum of any bytes is that of the definition', async () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 3000 }),
      bytes => native.checksum(bytes) === (0xffff ^ onesComplement(bytes)),
    ),
  )
})

/** The segments as a sender without offload would have made them. */
function segmentsOf(s: Shape, size: number): Buffer[] {
  const list: Buffer[] = []
  for (let at = 0; at < s.payload.length; at += size) {
    const last = at + size >= s.payload.length
    const flags = (last ? s.flags : s.flags & ~(FLAG.fin | FLAG.psh)) & (at === 0 ? 255 : ~FLAG.cwr)
    const payload = s.payload.subarray(at, at + size)
    list.push(packet({ ...s, payload, flags, sequence: s.sequence + at, id: s.id + list.length }))
  }
  return list
}

t.test('a super-packet is split into what a sender without offload would have sent', async t => {
  const flags = fc.constantFrom(
    0,
    FLAG.psh,
    FLAG.fin,
    FLAG.fin | FLAG.psh,
    FLAG.cwr,
    FLAG.cwr | FLAG.psh | FLAG.ece,
  )
  fc.assert(
    fc.property(shapes, flags, fc.integer({ min: 8, max: 1448 }), (shape, extra, size) => {
      const s = { ...shape, flags: shape.flags | extra }
      const got = native.split(superPacket(s, size))
      const want = segmentsOf(s, size)
      return got !== null && got.length === want.length && got.every((p, i) => same(p, want[i]!))
    }),
  )
  t.end()
})

t.test('what was split is coalesced into the same super-packet again', async () => {
  fc.assert(
    fc.property(shapes, fc.integer({ min: 200, max: 1448 }), (s, size) => {
      const whole = superPacket(s, size)
      const joined = native.coalesce(native.split(whole)!, true)
      const plainOne = s.payload.length <= size
      return joined.length === 1 && (plainOne || Buffer.from(joined[0]!).equals(whole))
    }),
  )
})

t.test('coalescing changes nothing that a later split can see, whatever packets come', async () => {
  const step = fc.record({
    size: fc.constantFrom(100, 100, 100, 60),
    flags: fc.constantFrom(
      FLAG.ack,
      FLAG.ack,
      FLAG.ack,
      FLAG.ack | FLAG.psh,
      FLAG.ack | FLAG.fin,
      FLAG.ack | FLAG.cwr,
    ),
    gap: fc.constantFrom(0, 0, 0, 0, 0, 100, -100),
    tos: fc.constantFrom(0, 0, 0, 0, 3),
    ttl: fc.constantFrom(64, 64, 64, 64, 63),
    options: fc.constantFrom(new Uint8Array(), new Uint8Array(), new Uint8Array([1, 1, 1, 0])),
    damaged: fc.constantFrom(-1, -1, -1, -1, -1, 0, 10, 21, 50),
  })
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.boolean(),
      fc.array(step, { minLength: 1, maxLength: 70, size: 'max' }),
      (v6, udp, steps) => {
        let sequence = 5000
        const sent = steps.map((step, i) => {
          sequence += step.gap
          const options = udp ? plain.options : step.options
          const p = packet({
            ...plain,
            ...step,
            options,
            v6,
            udp,
            sequence,
            id: i,
            payload: new Uint8Array(step.size).fill(i),
          })
          sequence += step.size
          if (step.damaged >= 0) p[step.damaged]! ^= 0x10
          return p
        })
        const back = native.coalesce(sent, true).flatMap(group => native.split(group) ?? [])
        return back.length === sent.length && back.every((p, i) => same(p, sent[i]!))
      },
    ),
    { numRuns: 400 },
  )
})

const count = (packets: readonly Uint8Array[], udp = true): number => native.coalesce(packets, udp).length
const two = (change: Partial<Shape>, base: Partial<Shape> = {}): readonly Uint8Array[] => {
  const first = { ...plain, ...base }
  return [
    packet(first),
    packet({ ...first, sequence: first.sequence + first.payload.length, id: first.id + 1, ...change }),
  ]
}

for (const [what, packets, want] of [
  ['contiguous segments of one flow', two({}), 1],
  ['contiguous IPv6 segments', two({}, { v6: true }), 1],
  ['UDP datagrams of one flow and size', two({}, { udp: true }), 1],
  ['a gap in the sequence', two({ sequence: 1200 }), 2],
  ['another port', two({ port: 5002 }), 2],
  ['another TOS: ECN marks must survive (RFC 3168 §5.3)', two({ tos: 3 }), 2],
  ['another TTL', two({ ttl: 63 }), 2],
  ['another acknowledgement', two({ ack: 43 }), 2],
  ['another window', two({ window: 511 }), 2],
  ['another reserved bit, which may be AE', two({ reserved: 1 }), 2],
  ['another DF', two({ dontFragment: false }), 2],
  ['RFC 6864 §4.1: any identification on atomic datagrams', two({ id: 9 }), 1],
  [
    'RFC 6864 §4.2: a jump of the identification where it means something',
    two({ id: 9 }, { dontFragment: false }),
    2,
  ],
  [
    'timestamps that differ',
    two(
      { options: new Uint8Array([1, 1, 8, 10, 0, 0, 0, 2, 0, 0, 0, 1]) },
      { options: new Uint8Array([1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1]) },
    ),
    2,
  ],
  ['a segment after PSH', two({}, { flags: FLAG.ack | FLAG.psh }), 2],
  [
    'a segment after a shorter one',
    [...two({ payload: new Uint8Array(50) }), packet({ ...plain, sequence: 1150, id: 79 })],
    2,
  ],
  ['a longer segment', two({ payload: new Uint8Array(101) }), 2],
  ['FIN', two({ flags: FLAG.ack | FLAG.fin }), 2],
  ['RST', two({ flags: FLAG.ack | FLAG.rst }), 2],
  ['URG', two({ flags: FLAG.ack | FLAG.urg }), 2],
  ['CWR, which a split would not repeat', two({ flags: FLAG.ack | FLAG.cwr }), 2],
  ['a pure acknowledgement', two({ payload: new Uint8Array() }), 2],
] as const) {
  t.test(`${what}: ${want === 1 ? 'joined' : 'left apart'}`, async t => t.equal(count(packets), want))
}

t.test('a packet with a damaged checksum, payload or IP header is not joined, and stays damaged', async t => {
  for (const at of [9, 11, 24, 36, 45, 100]) {
    const [first, second] = two({})
    const bad = Buffer.from(second!)
    bad[at]! ^= 1
    const groups = native.coalesce([first!, bad], true)
    t.equal(groups.length, 2, `octet ${at}`)
    t.same(Buffer.from(groups[1]!.subarray(10)), bad)
  }
})

t.test('UDP is left alone where the kernel cannot split it again', async t => {
  t.equal(count(two({}, { udp: true }), false), 2)
  const none = packet({ ...plain, udp: true })
  none.writeUInt16BE(0, 26)
  t.equal(count([none, none]), 2, 'RFC 768: no checksum, nothing to verify')
})

t.test('a group ends at 64 segments and at 65535 octets', async t => {
  const many = (n: number, size: number): Buffer[] =>
    Array.from({ length: n }, (_, i) =>
      packet({ ...plain, payload: new Uint8Array(size), sequence: 1 + i * size, id: i }),
    )
  t.equal(count(many(130, 100)), 3)
  t.equal(count(many(46, 1448)), 2)
  t.ok(native.coalesce(many(64, 1448), true).every(g => g.length - 10 <= 65535))
})

t.test('a single packet marked NEEDS_CSUM leaves with its checksum completed', async t => {
  for (const v6 of [false, true]) {
    for (const udp of [false, true]) {
      const shape = { ...plain, v6, udp }
      const open = superPacket(shape, 0)
      open[1] = GSO.none
      t.ok(same(native.split(open)![0]!, packet(shape)), `${v6 ? 'IPv6' : 'IPv4'} ${udp ? 'UDP' : 'TCP'}`)
    }
  }
})

t.test('a nearly valid vnet header or packet splits into sane packets or is refused', async () => {
  const change = fc.tuple(fc.nat({ max: 69 }), fc.nat({ max: 255 }))
  fc.assert(
    fc.property(
      shapes,
      fc.nat({ max: 1500 }),
      fc.array(change, { maxLength: 4 }),
      fc.nat({ max: 200 }),
      (s, size, changes, cut) => {
        const p = superPacket({ ...s, payload: s.payload.subarray(0, 3000) }, size)
        for (const [at, value] of changes) if (at < p.length) p[at] = value
        const segments = native.split(p.subarray(0, Math.max(0, p.length - cut)))
        return segments === null || segments.every(x => x.length <= p.length)
      },
    ),
    { numRuns: 2000 },
  )
})

t.test('nearly valid packets coalesce without harm: what was not damaged is still there', async () => {
  const change = fc.tuple(fc.nat({ max: 80 }), fc.nat({ max: 255 }), fc.nat({ max: 30 }))
  fc.assert(
    fc.property(
      shapes,
      fc.array(fc.array(change, { maxLength: 2 }), { minLength: 1, maxLength: 8 }),
      (s, list) => {
        const packets = list.map((changes, i) => {
          const p = packet({
            ...s,
            payload: s.payload.subarray(0, 60),
            sequence: s.sequence + 60 * i,
            id: s.id + i,
          })
          for (const [at, value] of changes) if (at < p.length) p[at] = value
          return p.subarray(0, p.length - (changes[0]?.[2] ?? 0))
        })
        const total = packets.filter(p => p.length >= 20).length
        const back = native.coalesce(packets, true).flatMap(g => native.split(g) ?? [])
        return back.length === total
      },
    ),
    { numRuns: 2000 },
  )
})
