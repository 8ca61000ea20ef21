import type { Family } from '@brunel/base'
import t from 'tap'
import { announcement } from './lan-announce.js'
import { absenceOf, presenceOf, rulesOf } from './lan-host.js'
import { judgeLink, judgeSilence, type LanLink, readSettings, warningsOf } from './lan-link.js'
import { isRelayed, protocolsOf, steeredBy } from './lan-protocols.js'
import { LanPort } from './relay-lan.js'

const lan = { name: 'eth1', index: 7 }

t.test('rules lead only what is relayed, from the LAN only, to a table of the LAN', async t => {
  const rules = (family: Family): string[] => rulesOf(lan, steeredBy(['ospf', 'bfd', 'pim'], family), 1750)
  const [ospf, ah, bfd] = [
    'rule add priority 1750 iif eth1 ipproto 89 lookup 1750000007 protocol 175',
    'rule add priority 1750 iif eth1 to fe80::/10 ipproto 51 lookup 1750000007 protocol 175',
    'rule add priority 1750 iif eth1 ipproto udp dport 3784-3785 lookup 1750000007 protocol 175',
  ]
  t.same(rules(4), [ospf, bfd])
  t.same(rules(6), [ospf, ah, bfd], 'RFC 4552 §3: OSPFv3 may be in AH')
  t.same(steeredBy(['bfd'], 6).onLink, [])
})

t.test('a far neighbour is local to what is relayed, routed to its tunnel, and answered for', async t => {
  const far = { address: '10.0.0.9', tunnel: 'gre7' }
  t.same(presenceOf(lan, far), [
    'route replace local 10.0.0.9/32 dev eth1 table 1750000007 proto 175',
    'route add 10.0.0.9/32 dev gre7 proto 175',
    'neigh replace proxy 10.0.0.9 dev eth1 protocol 175',
  ])
  t.same(absenceOf(lan, far), [
    'neigh del proxy 10.0.0.9 dev eth1',
    'route del 10.0.0.9/32 dev gre7 proto 175',
    'route del local 10.0.0.9/32 dev eth1 table 1750000007 proto 175',
  ])
  t.same(
    presenceOf(lan, { address: 'fe80::9', tunnel: 'gre7' }),
    [
      'route replace local fe80::9/128 dev eth1 table 1750000007 proto 175',
      'neigh replace proxy fe80::9 dev eth1 protocol 175',
    ],
    'RFC 4291 §2.5.6: nothing is forwarded to a link-local address',
  )
})

t.test('each protocol once, in the groups of all its kinds', async t => {
  const wire = { family: 4, unicast: true }
  t.same(protocolsOf(['ospf', 'bfd', 'rip', 'vrrp'], 4), [
    { ...wire, protocol: 89, groups: ['224.0.0.5', '224.0.0.6'] },
    { ...wire, protocol: 17, groups: ['224.0.0.9'] },
    { ...wire, protocol: 112, groups: ['224.0.0.18'], unicast: false },
  ])
  const groups = ['ff02::5', 'ff02::6']
  t.same(
    protocolsOf(['ospf'], 6),
    [89, 51].map(protocol => ({ family: 6, protocol, groups, unicast: true })),
    'RFC 4552 §3: OSPFv3 may be in AH',
  )
  t.ok(isRelayed(['ospf', 'bfd'], 3785))
  for (const port of [3786, 521, -1]) t.notOk(isRelayed(['ospf', 'bfd'], port))
})

const address = (family: string, scope: string, more = {}) => ({ local: 'x', family, scope, ...more })
const row = (flags: readonly string[], addr_info: readonly ReturnType<typeof address>[]) => ({
  ifindex: 7,
  mtu: 1500,
  flags,
  addr_info,
})
for (const [what, seen, want] of [
  ['no interface', undefined, /There is no interface eth1/],
  ['down', row([], []), /is down/],
  ['no cable', row(['UP'], []), /no carrier/],
  ['no address', row(['UP', 'LOWER_UP'], []), /has no address/],
  ['global IPv6 only', row(['UP', 'LOWER_UP'], [address('inet6', 'global')]), /has no address/],
  [
    'an address that is another host’s',
    row(['UP', 'LOWER_UP'], [address('inet6', 'link', { dadfailed: true })]),
    /has no address/,
  ],
] as const)
  t.test(`the relay waits: ${what}`, async t =>
    t.match(judgeLink('eth1', seen), { code: 'BRUNEL_RELAY_LAN', detail: want, remedy: /\S/ }),
  )

t.test('that `ip` does not run says nothing of the interface', async t => {
  t.match(judgeSilence('eth1', 'Device "eth1" does not exist.'), { detail: /There is no interface eth1/ })
  for (const said of [
    'spawn ip ENOENT',
    'spawn ip EAGAIN',
    'Cannot open netlink socket: Too many open files',
  ])
    t.equal(judgeSilence('eth1', said), undefined)
})

t.test('a link is used with the families it has, and what this machine spoils is said', async t => {
  const link = judgeLink('eth1', row(['UP', 'LOWER_UP'], [address('inet', 'global')])) as LanLink
  t.match(link, { index: 7, ipv4: true, ipv6: false })
  const said = (rpFilter: number, forwarding: boolean): string =>
    warningsOf(
      { ...link, ipv6: true },
      { rpFilter, forwarding4: forwarding, forwarding6: forwarding, proxyNdp: forwarding },
    )
      .map(({ remedy }) => remedy)
      .join('\n')
  t.equal(said(2, true), '')
  const vlan = { ...link, name: 'eth1.7', ipv6: false }
  t.match(
    warningsOf(vlan, { rpFilter: 1, forwarding4: true, forwarding6: true, proxyNdp: true }).map(
      ({ remedy }) => remedy,
    ),
    [/net\.ipv4\.conf\.eth1\/7\.rp_filter=2/, /net\.ipv6\.conf\.eth1\/7\.disable_ipv6=0/],
    'as sysctl wants the name of a VLAN',
  )
  t.match(said(1, false), /ip_forward=1[\s\S]*all\.forwarding=1[\s\S]*proxy_ndp=1[\s\S]*rp_filter=2/)
  t.match(
    warningsOf(link, { rpFilter: 0, forwarding4: true, forwarding6: true, proxyNdp: true })[0]?.detail,
    /OSPFv3/,
  )
})

t.test('the version of OSPF that a LAN has no address for is said', async t => {
  const fine = { rpFilter: 0, forwarding4: true, forwarding6: true, proxyNdp: true }
  const said = (...addresses: ReturnType<typeof address>[]): readonly string[] =>
    warningsOf(judgeLink('eth1', row(['UP', 'LOWER_UP'], addresses)) as LanLink, fine).map(
      ({ detail }) => /OSPFv[23] is not relayed/.exec(detail)?.[0] ?? detail,
    )
  t.same(said(address('inet6', 'link')), ['OSPFv2 is not relayed'])
  t.same(said(address('inet', 'global')), ['OSPFv3 is not relayed'])
  t.same(said(address('inet', 'global'), address('inet6', 'link')), [])
})

t.test('more routers of IPv6 behind the relay than have sockets are told of', async t => {
  const link = judgeLink(
    'eth1',
    row(['UP', 'LOWER_UP'], [address('inet', 'global'), address('inet6', 'link')]),
  ) as LanLink
  const settings = { rpFilter: 0, forwarding4: true, forwarding6: true, proxyNdp: true }
  const far = (count: number, front: string): string[] =>
    Array.from({ length: count }, (_, i) => `${front}${i + 1}`)
  t.same(warningsOf(link, settings, [...far(64, 'fe80::'), ...far(100, '10.9.0.')]), [])
  t.match(warningsOf(link, settings, far(65, 'fe80::')), [
    { code: 'BRUNEL_RELAY_HOST', detail: /^65 routers/, remedy: /Divide/ },
  ])
})

t.test(
  'proxy_ndp of all interfaces does for the LAN what its own does, as where a container may not write',
  async t => {
    const proxyNdp = (on: readonly string[]): boolean =>
      readSettings('eth1', path => (on.some(which => path === `ipv6/conf/${which}/proxy_ndp`) ? '1' : '0'))
        .proxyNdp
    t.same([[], ['eth0'], ['eth1'], ['all']].map(proxyNdp), [false, false, true, true])
  },
)

t.test('what is to be sent while the LAN is not there is counted', async t => {
  const drops: unknown[] = []
  const nothing = (): void => undefined
  const port = new LanPort('eth1', ['ospf'], {
    packet: nothing,
    beacon: nothing,
    changed: nothing,
    drop: (drop, count) => drops.push([drop, count]),
  })
  port.send(new Uint8Array(20).fill(0x45))
  port.beacon(new Uint8Array(4))
  t.same(drops, [['relay-lan-send', 1]])
})

t.test('RFC 5227 §3, RFC 4861 §7.2.6: the LAN is told who answers for an address', async t => {
  const said = (address: string): string =>
    Buffer.from(announcement(address, '02:00:00:00:00:07') ?? []).toString('hex')
  t.equal(
    said('10.0.0.9'),
    'ffffffffffff0200000000070806000108000604000102000000000 70a000009000000000000 0a000009'.replaceAll(
      ' ',
      '',
    ),
  )
  t.match(
    said('fe80::9'),
    /^33330000000102000000000786dd.*3afffe80.*8800....a0000000fe80.*00090201020000000007$/,
  )
  t.equal(said('nobody'), '')
})
