import { isDrop, Packet } from '@brunel/base'
import { Address, Checksum, Ipv6 } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { rebuilt } from './lan-destination.js'

const at = (text: string): Uint8Array => Address.parse(text)!
const GROUPS = { 88: ['ff02::a'], 89: ['ff02::5', 'ff02::6'], 17: ['ff02::9'] } as const
const NEIGHBOURS = ['fe80::9', 'fe80::a:1']
const OWN = ['fe80::1', '2001:db8::1']

/** A payload whose checksum is right for a destination; `field`: where it stands. */
function payload(protocol: number, to: string, field: number | undefined, more = 0): Uint8Array {
  const octets = new Uint8Array(36 + more).fill(protocol)
  octets.set([3, 2, 0, 36])
  if (field === undefined) return octets
  const covered = protocol === 89 ? 36 : octets.length
  const view = new DataView(octets.buffer)
  view.setUint16(field, 0)
  const sum = [at('fe80::2'), at(to)].reduce(
    (total, address) => Checksum.sum(new DataView(address.buffer), 0, 16, total),
    covered + protocol,
  )
  view.setUint16(field, Checksum.finish(Checksum.sum(view, 0, covered, sum)))
  return octets
}

const made = (
  protocol: 17 | 88 | 89,
  octets: Uint8Array,
  { from = 'fe80::2', neighbours = NEIGHBOURS }: { from?: string; neighbours?: readonly string[] } = {},
) =>
  rebuilt(
    { protocol, source: at(from), payload: octets },
    { groups: GROUPS[protocol].map(at), neighbours: neighbours.map(at), own: OWN.map(at) },
  )

const hello = (octets: Uint8Array): Uint8Array => octets.with(1, 1)

for (const [what, result, want] of [
  ['a group', made(89, payload(89, 'ff02::6', 12)), 'ff02::6'],
  ['a far neighbour', made(89, payload(89, 'fe80::a:1', 12)), 'fe80::a:1'],
  ['RFC 5340 §A.3.1: what follows the OSPF packet', made(89, payload(89, 'fe80::9', 12, 7)), 'fe80::9'],
  ['UDP', made(17, payload(17, 'fe80::9', 6)), 'fe80::9'],
  ['this machine', made(89, payload(89, 'fe80::1', 12)), undefined],
  ['somebody else', made(89, payload(89, 'fe80::77', 12)), 'relay-unknown-destination'],
  [
    'two of one sum',
    made(89, payload(89, 'fe80::9:a', 12), { neighbours: ['fe80::9:a', 'fe80::a:9'] }),
    'relay-unknown-destination',
  ],
  ['a source from farther away', made(89, payload(89, 'ff02::5', 12), { from: '2001:db8::2' }), 'relay-ttl'],
  ['too little', made(89, payload(89, 'ff02::5', 12).subarray(0, 15)), 'ip-truncated'],
  [
    'RFC 7166 §4.2: an authenticated Hello',
    made(89, hello(payload(89, '', undefined).fill(0, 12, 14))),
    'ff02::5',
  ],
  [
    'RFC 7166 §4.2: what else is authenticated, one neighbour',
    made(89, payload(89, '', undefined).fill(0, 12, 14), { neighbours: ['fe80::9'] }),
    'fe80::9',
  ],
  [
    'RFC 7166 §4.2: and several',
    made(89, payload(89, '', undefined).fill(0, 12, 14)),
    'relay-unknown-destination',
  ],
  ['EIGRP hello', made(88, payload(88, '', undefined).with(1, 5)), 'ff02::a'],
] as const)
  t.test(`the destination of IPv6: ${what}`, async t => {
    if (!(result instanceof Uint8Array)) return t.equal(result, want)
    t.equal(Address.format(result.subarray(24, 40)), want)
    const p = new Packet(result)
    const ip = Ipv6.open(p, 0)
    t.notOk(isDrop(ip))
    if (isDrop(ip)) return
    t.equal(Address.format(result.subarray(8, 24)), 'fe80::2')
    t.equal(Ipv6.hopLimit(p, ip), Ipv6.nextHeader(p, ip) === 17 ? 255 : 1)
    t.equal(Ipv6.trafficClass(p, ip), 0xc0)
    t.equal(Ipv6.endAt(p, ip), result.length)
  })

t.test('whatever comes, it is rebuilt around its own octets or refused', async () =>
  fc.assert(
    fc.property(fc.constantFrom(17, 88, 89), fc.uint8Array({ maxLength: 60 }), (protocol, octets) => {
      const result = made(protocol, octets, { neighbours: ['fe80::9'] })
      return !(result instanceof Uint8Array) || Buffer.compare(result.subarray(40), octets) === 0
    }),
  ),
)
