import t from 'tap'
import { normalise, type PeerDocument, plan, verify, verifyPeer, withDefaults } from '../src/index.js'
import { branch } from './documents.js'

type Relay = NonNullable<PeerDocument['ospfRelay']>
const peer = (n: number, relay: unknown, more: Partial<PeerDocument> = {}): PeerDocument =>
  branch(n, { ...more, ospfRelay: relay as Relay })
const said = (found: readonly { pointer: string; code: string }[]): string[] =>
  found.map(({ pointer, code }) => `${pointer} ${code}`)

for (const [what, relay, want] of [
  ['an interface', { interface: 'eth1' }, []],
  ['a VLAN', { interface: 'eth1.100', group: 'backbone' }, []],
  [
    'everything',
    {
      interface: 'eth1',
      multicast: ['pim', 'rip', 'eigrp', 'vrrp'],
      bfd: true,
      failFast: true,
      forward: false,
    },
    [],
  ],
  ['no interface', { group: 'backbone' }, ['/ospfRelay/interface BRUNEL_CONFIG_SHAPE']],
  ['a long interface', { interface: 'x'.repeat(16) }, ['/ospfRelay/interface BRUNEL_CONFIG_INTERFACE']],
  ['the loopback', { interface: 'lo' }, ['/ospfRelay/interface BRUNEL_CONFIG_INTERFACE']],
  ['its own tunnel', { interface: 'gre-branch-1' }, ['/ospfRelay/interface BRUNEL_CONFIG_INTERFACE']],
  [
    'a group with a blank',
    { interface: 'eth1', group: 'back bone' },
    ['/ospfRelay/group BRUNEL_CONFIG_NAME'],
  ],
  ['an empty group', { interface: 'eth1', group: '' }, ['/ospfRelay/group BRUNEL_CONFIG_NAME']],
  [
    'a protocol nobody knows',
    { interface: 'eth1', multicast: ['igmp'] },
    ['/ospfRelay/multicast/0 BRUNEL_CONFIG_SHAPE'],
  ],
  [
    'two faults at once',
    { interface: '', group: '!', bfd: 'yes' },
    [
      '/ospfRelay/bfd BRUNEL_CONFIG_SHAPE',
      '/ospfRelay/group BRUNEL_CONFIG_NAME',
      '/ospfRelay/interface BRUNEL_CONFIG_INTERFACE',
    ],
  ],
] as const)
  t.test(`ospfRelay: ${what}`, async t => {
    const found = verifyPeer(peer(1, relay), [])
    t.same(said(found).sort(), want)
    for (const fault of found) t.match(fault, { detail: /\S/, remedy: /\S/ })
  })

t.test('the loopback is called by its name, which `ip link` does show', async t => {
  t.match(verifyPeer(peer(1, { interface: 'lo' }), []), [{ detail: /loopback/ }])
})

for (const [what, first, second, want] of [
  ['one group on one LAN', { interface: 'eth1', group: 'g' }, { interface: 'eth1', group: 'g' }, []],
  ['one LAN, both groups left out', { interface: 'eth1' }, { interface: 'eth1' }, []],
  ['two groups on two LANs', { interface: 'eth1', group: 'g' }, { interface: 'eth2', group: 'h' }, []],
  [
    'one group on two LANs',
    { interface: 'eth1', group: 'g' },
    { interface: 'eth2', group: 'g' },
    ['/peers/1/ospfRelay/interface BRUNEL_CONFIG_RELAY'],
  ],
  [
    'two groups on one LAN',
    { interface: 'eth1', group: 'g' },
    { interface: 'eth1', group: 'h' },
    ['/peers/1/ospfRelay/group BRUNEL_CONFIG_RELAY'],
  ],
  [
    'one LAN, one group left out',
    { interface: 'eth1', group: 'g' },
    { interface: 'eth1' },
    ['/peers/1/ospfRelay/group BRUNEL_CONFIG_RELAY'],
  ],
  [
    'the tunnel of the other as LAN',
    undefined,
    { interface: 'gre-branch-1' },
    ['/peers/1/ospfRelay/interface BRUNEL_CONFIG_INTERFACE'],
  ],
  [
    'a tunnel that is the LAN of the other',
    { interface: 'gre-branch-2' },
    undefined,
    ['/peers/1/tunnel/interface BRUNEL_CONFIG_INTERFACE'],
  ],
] as const)
  t.test(`ospfRelay of two peers: ${what}`, async t => {
    const documents = [first, second].map((relay, i) => (relay ? peer(i + 1, relay) : branch(i + 1)))
    t.same(said(verify(documents)), want)
  })

t.test('defaults are written out, and a list of protocols is a set', async t => {
  const whole = {
    interface: 'eth1',
    group: 'eth1',
    multicast: [],
    bfd: false,
    failFast: false,
    forward: true,
  }
  t.same(normalise(peer(1, { interface: 'eth1' })).ospfRelay, whole)
  t.same(withDefaults(peer(1, { interface: 'eth1' })).ospfRelay, whole)
  t.same(normalise(peer(1, { interface: 'eth1', multicast: ['vrrp', 'pim', 'vrrp'] })).ospfRelay?.multicast, [
    'pim',
    'vrrp',
  ])
  t.equal(normalise(branch(1)).ospfRelay, undefined)
})

t.test('a change of the relay leaves the SAs alone', async t => {
  const peers = (relay: Partial<Relay>) => [normalise(peer(1, { interface: 'eth1', ...relay }))]
  t.same(plan(peers({}), peers({ bfd: true })), [{ do: 'change', peer: 'branch-1', layers: ['relay'] }])
  t.same(plan(peers({}), peers({ group: 'eth1' })), [])
})
