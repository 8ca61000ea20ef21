import { isDrop, Packet } from '@brunel/base'
import { Address, Ipv6 } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { rebuilt } from './lan-destination.js'

const made = (protocol: number, payload: Uint8Array, source = 'fe80::2%lan0', destination = 'fe80::9') =>
  rebuilt({ protocol, source, destination, payload })

for (const [what, protocol, to, hops] of [
  ['RFC 5340 §A.1: OSPFv3', 89, 'ff02::5', 1],
  ['RFC 4552 §3: OSPFv3 in AH', 51, 'fe80::9', 1],
  ['RFC 7868 §6.2: EIGRP', 88, 'fe80::9', 1],
  ['RFC 5881 §5: BFD', 17, 'fe80::9', 255],
  ['RFC 5798 §5.1.2.3: VRRP', 112, 'ff02::12', 255],
] as const)
  t.test(`${what} gets the header that its sender gave it`, async t => {
    const payload = new Uint8Array(36).fill(0xa5)
    const result = made(protocol, payload, 'fe80::2%lan0', to)
    if (!(result instanceof Uint8Array)) return t.fail(String(result))
    t.same(result.subarray(40), payload)
    const p = new Packet(result)
    const ip = Ipv6.open(p, 0)
    if (isDrop(ip)) return t.fail(ip)
    t.equal(Address.format(result.subarray(8, 24)), 'fe80::2')
    t.equal(Address.format(result.subarray(24, 40)), to)
    t.equal(Ipv6.nextHeader(p, ip), protocol)
    t.equal(Ipv6.hopLimit(p, ip), hops)
    t.equal(Ipv6.trafficClass(p, ip), 0xc0)
    t.equal(Ipv6.endAt(p, ip), result.length)
  })

t.test('RFC 4291 §2.5.6: a source that is not of the link may come from farther away', async t => {
  t.equal(made(89, new Uint8Array(36), '2001:db8::2'), 'relay-ttl')
})

t.test('whatever comes, it is rebuilt around its own octets', async () =>
  fc.assert(
    fc.property(fc.constantFrom(51, 88, 89), fc.uint8Array({ maxLength: 60 }), (protocol, octets) => {
      const result = made(protocol, octets)
      return result instanceof Uint8Array && Buffer.compare(result.subarray(40), octets) === 0
    }),
  ),
)
