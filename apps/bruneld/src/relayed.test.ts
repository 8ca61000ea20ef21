import { normalise } from '@brunel/config'
import t from 'tap'
import { machineAddresses, type RelayedPeer, relayedTunnel } from './relayed.js'

const peer = (remote: object): RelayedPeer => ({
  ...normalise({
    name: 'branch-7',
    remote,
    tunnel: { interface: 'gre7' },
    auth: { method: 'psk', psk: 'not a real secret' },
  } as Parameters<typeof normalise>[0]),
  ospfRelay: {
    interface: 'eth1',
    group: 'backbone',
    multicast: ['vrrp'],
    bfd: true,
    failFast: true,
    forward: true,
  },
})
const crossing = { stands: true, crossed: true, lastIn: undefined }
const open = { tun: 3, crossing, remoteId: undefined }

t.test('a peer with ospfRelay is joined to its LAN', async t => {
  t.same(relayedTunnel({ ...open, peer: peer({ address: '198.51.100.7' }) }), {
    lan: 'eth1',
    group: 'backbone',
    tun: 3,
    device: 'gre7',
    crossing,
    settings: {
      tunnel: 'branch-7',
      far: '198.51.100.7',
      multicast: ['vrrp'],
      bfd: true,
      failFast: true,
      forward: true,
    },
  })
  const { ospfRelay: _, ...without } = peer({ address: '198.51.100.7' })
  t.equal(relayedTunnel({ ...open, peer: without }), undefined)
})

t.test(
  'the far router is called by what it proved, else by what it has to prove, else by its address',
  async t => {
    const named = peer({ address: '198.51.100.7', id: 'branch-7.example.net' })
    const far = (remoteId: string | undefined, of = named) =>
      relayedTunnel({ ...open, peer: of, remoteId })?.settings.far
    t.equal(far('proved.example.net'), 'proved.example.net')
    t.equal(far(undefined), 'branch-7.example.net')
    t.equal(far(''), 'branch-7.example.net')
    t.equal(far(undefined, peer({ address: 'any' })), 'any')
  },
)

t.test('the addresses of this machine are canonical', async t => {
  t.ok(machineAddresses().includes('127.0.0.1'))
})
