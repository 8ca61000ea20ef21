import fc from 'fast-check'
import t from 'tap'
import { normalise, type PeerDocument, plan, redact, secretsOf, withDefaults } from '../src/index.js'
import { branch, example } from './documents.js'

const planned = (
  before: readonly PeerDocument[],
  after: readonly PeerDocument[],
  secrets: readonly string[] = [],
) => plan(before.map(normalise), after.map(normalise), secrets)

t.test('a document is normalised: defaults applied, values parsed, addresses canonical', async t => {
  const peer = normalise({ ...example, remote: { address: '2001:DB8:0:0::7' }, local: {} } as PeerDocument)
  t.match(peer, {
    name: 'branch-7',
    enabled: true,
    remote: { kind: 'address', address: '2001:db8::7', id: undefined, prefer: undefined },
    ike: { lifetime: 14_400_000, liveness: 10_000, initiate: true },
    esp: { mode: 'tunnel', lifetimeBytes: 2 ** 40, replayWindow: 4096, encapsulation: 'auto' },
    gre: { key: 7, checksum: false, sequence: false },
    tunnel: { interface: 'gre7', mtu: 'auto', multicast: true },
  })
  t.equal(peer.ike.proposals.length, 2)
  t.equal(peer.esp.proposals[0]?.esn[0], true)
  t.notMatch(JSON.stringify(peer), 'battery')
})

t.test('the least document gets every default, and only answers where the peer may be anywhere', async t => {
  t.match(normalise(branch(1)), { enabled: true, tunnel: { interface: 'gre-branch-1', routes: [] } })
  t.equal(normalise(branch(1, { remote: { address: 'any' } })).ike.initiate, false)
  t.equal(normalise(branch(1, { remote: { address: 'Hq.Example.NET' } })).remote.kind, 'name')
})

t.test('a document that was not verified is a bug', async t => {
  t.throws(() => normalise(branch(1, { ike: { lifetime: 'soon' } })), { name: 'Bug' })
})

for (const [what, change, layers] of [
  ['the secret', {}, ['ike']],
  ['the remote address', { remote: { address: '203.0.113.1' } }, ['ike']],
  ['whether it is wanted', { enabled: false }, ['ike']],
  ['the ESP mode', { esp: { mode: 'transport' } }, ['ike', 'esp']],
  ['the GRE key', { gre: { key: 9 } }, ['gre']],
  ['the MTU', { tunnel: { mtu: 1300 } }, ['interface']],
  ['the routes', { tunnel: { routes: ['10.9.0.0/16'] } }, ['routes']],
] as const) {
  t.test(`a change of ${what} reaches ${layers.join(' and ')}`, async t => {
    const secrets = what === 'the secret' ? ['branch-1'] : []
    const steps = planned(
      [branch(1), branch(2)],
      [branch(1, change as Partial<PeerDocument>), branch(2)],
      secrets,
    )
    t.same(steps, [{ do: 'change', peer: 'branch-1', layers }])
  })
}

t.test('a default that is written out changes nothing', async t => {
  t.same(planned([branch(1)], [withDefaults(branch(1))]), [])
})

t.test('removals come first, additions last', async t => {
  t.same(planned([branch(1), branch(2)], [branch(3), branch(2, { gre: { key: 1 } })]), [
    { do: 'remove', peer: 'branch-1' },
    { do: 'change', peer: 'branch-2', layers: ['gre'] },
    { do: 'add', peer: 'branch-3' },
  ])
})

const documentOf = fc.record({
  n: fc.integer({ min: 1, max: 6 }),
  key: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
  mtu: fc.constantFrom('auto' as const, 1300),
  mode: fc.constantFrom('tunnel' as const, 'transport' as const),
  routes: fc.subarray(['10.1.0.0/16', '10.2.0.0/16']),
  enabled: fc.boolean(),
})
const configuration = fc
  .uniqueArray(documentOf, { selector: ({ n }) => n })
  .map(rows =>
    rows.map(({ n, key, mtu, mode, routes, enabled }) =>
      branch(n, { enabled, gre: key === undefined ? {} : { key }, esp: { mode }, tunnel: { mtu, routes } }),
    ),
  )

t.test('a plan never touches a peer that did not change, and touches every one that did', async t => {
  fc.assert(
    fc.property(configuration, configuration, (before, after) => {
      const touched = planned(before, after).map(({ peer }) => peer)
      const text = (peers: readonly PeerDocument[], name: string) => {
        const peer = peers.find(one => one.name === name)
        return peer && JSON.stringify(withDefaults(peer))
      }
      const names = new Set([...before, ...after].map(({ name }) => name))
      const changed = [...names].filter(name => text(before, name) !== text(after, name))
      return JSON.stringify([...touched].sort()) === JSON.stringify(changed.sort())
    }),
  )
  t.pass()
})

t.test('a redacted document holds no secret, and the secrets are told apart', async t => {
  t.same(redact(example).auth, { method: 'psk' })
  t.same(secretsOf(example), { psk: 'correct horse battery staple' })
  t.same(redact({ ...example, auth: { method: 'certificate', privateKey: 'PEM', certificate: 'C' } }).auth, {
    method: 'certificate',
    certificate: 'C',
  })
})
