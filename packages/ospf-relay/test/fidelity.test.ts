import { hex } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import { description, hello, type IpOptions, ip, type Router, request, update } from './packets.js'
import { Rig } from './rig.js'

const A: Router = { address: '10.9.0.1', id: '1.1.1.1' }
const A6: Router = { address: 'fe80::a', id: '1.1.1.1' }
const B: Router = { address: '10.9.0.2', id: '2.2.2.2' }

const payloads = fc.record({
  v6: fc.boolean(),
  kind: fc.constantFrom('hello', 'description', 'request', 'update'),
  key: fc.option(fc.integer({ min: 1, max: 255 }), { nil: undefined }),
  digest: fc.constantFrom(16, 32),
  mtu: fc.integer({ min: 0, max: 65535 }),
  neighbours: fc.array(fc.constantFrom('2.2.2.2', '255.255.255.255', '0.0.0.1'), { maxLength: 300 }),
  tos: fc.integer({ min: 0, max: 255 }),
  id: fc.integer({ min: 0, max: 65535 }),
  behind: fc.uint8Array({ maxLength: 64 }),
})

function packetOf(g: typeof payloads extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  const router: Router = {
    ...(g.v6 ? A6 : A),
    ...(g.key === undefined || g.v6 ? {} : { key: g.key }),
    digest: g.digest,
  }
  const group = g.v6 ? 'ff02::5' : '224.0.0.5'
  const whole =
    g.kind === 'hello'
      ? hello(router, g.neighbours)
      : g.kind === 'description'
        ? description(router, group, { mtu: g.mtu })
        : g.kind === 'request' && !g.v6
          ? request(router, group)
          : update(router, group)
  const options: IpOptions = { tos: g.tos, id: g.id }
  return ip(router.address, group, new Uint8Array([...whole.slice(g.v6 ? 40 : 20), ...g.behind]), options)
}

const headerSum = (bytes: Uint8Array): number => {
  let sum = 0
  for (let i = 0; i < 20; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return sum
}

t.test(
  'RFC 2328 §A.1, RFC 5709 §3.3: a relayed packet equals the original from the IP payload on, and is marked CS6',
  async t =>
    fc.assert(
      fc.property(payloads, generated => {
        const rig = new Rig(['x'])
        const original = packetOf(generated)
        const before = hex(original)
        const effects = rig.feed({ on: 'packet', port: 'lan', packet: original })
        const [send] = effects.filter(effect => effect.do === 'send')
        if (send?.do !== 'send') throw new Error(JSON.stringify(effects))
        t.equal(hex(original), before, 'the input is left alone')
        const { packet } = send
        if (generated.v6) {
          t.equal(hex(packet.slice(4)), hex(original.slice(4)))
          t.equal(((packet[0]! << 8) | packet[1]!) >> 4, 0x600 | 0xc0 | (generated.tos & 3))
          t.equal(packet[1]! & 15, original[1]! & 15)
          return
        }
        t.equal(hex(packet.slice(20)), hex(original.slice(20)), 'payload')
        t.equal(hex(packet.slice(12, 20)), hex(original.slice(12, 20)), 'addresses')
        t.equal(hex(packet.slice(2, 10)), hex(original.slice(2, 10)), 'length, identification, TTL, protocol')
        t.equal(packet[1], 0xc0 | (generated.tos & 3), 'CS6; ECN is left alone')
        t.equal(headerSum(packet), 0xffff)
        t.equal(packet.length, original.length)
      }),
      { numRuns: 150 },
    ),
)

t.test(
  'RFC 2328 §A.1: arbitrary and nearly valid octets are carried or dropped by name, never thrown at',
  async t => {
    const rig = new Rig(['x', 'y'])
    rig.hears('x', hello(B))
    const near = fc
      .record({
        base: payloads,
        at: fc.nat(),
        octet: fc.integer({ min: 0, max: 255 }),
        cut: fc.nat({ max: 30 }),
      })
      .map(({ base, at, octet, cut }) => {
        const bytes = packetOf(base)
        bytes[at % Math.min(bytes.length, 60)] = octet
        return bytes.slice(0, bytes.length - (cut > 20 ? cut : 0))
      })
    fc.assert(
      fc.property(
        fc.oneof(near, fc.uint8Array({ maxLength: 90 })),
        fc.constantFrom('lan', 'x'),
        (bytes, port) => {
          rig.run(50)
          return rig.hears(port, bytes).length > 0
        },
      ),
      { numRuns: 1500 },
    )
    t.pass()
  },
)
