import { millis } from '@brunel/base'
import t from 'tap'
import type { Identity, IkePeer } from './contract.js'
import { PeerControl } from './peer.js'
import { Peers } from './peers.js'
import type { SaHost } from './sa-stage.js'

const HERE = '192.0.2.1'
const [THERE, ELSEWHERE] = ['198.51.100.1', '203.0.113.1']
const fqdn = (text: string): Identity => ({ type: 'fqdn', text })
const host = {} as SaHost

function peer(name: string, change: Partial<IkePeer> = {}): PeerControl {
  return new PeerControl(host, {
    name,
    localAddress: undefined,
    remoteAddress: THERE,
    localId: fqdn('us.example.net'),
    remoteId: fqdn(`${name}.example.net`),
    auth: { method: 'psk', psk: new Uint8Array(8) },
    initiate: true,
    ike: { proposals: [], lifetime: millis(1), liveness: millis(1) },
    esp: { proposals: [], mode: 'tunnel', lifetime: millis(1), encapsulation: 'auto' },
    selectors: undefined,
    ...change,
  })
}

function peers(...controls: readonly PeerControl[]): Peers {
  const all = new Peers()
  for (const control of controls) all.put(control)
  return all
}

const names = (controls: Iterable<PeerControl>): readonly string[] => [...controls].map(c => c.peer.name)

const ends = (remote: string) => ({
  local: { address: HERE, port: 500 },
  remote: { address: remote, port: 500 },
})

t.test('who may call from an address: those of it, then `any`, then those who may have moved', async t => {
  const all = peers(
    peer('moved', { remoteAddress: ELSEWHERE }),
    peer('any', { remoteAddress: undefined }),
    peer('here'),
    peer('nameless elsewhere', { remoteAddress: ELSEWHERE, remoteId: undefined }),
    peer('for another address of ours', { localAddress: '192.0.2.99' }),
    peer('for all of ours', { localAddress: '0.0.0.0' }),
  )
  t.strictSame(names(all.at(ends(THERE))), ['here', 'for all of ours', 'any', 'moved'])
  const down = all.get('here')
  if (down !== undefined) down.wish = 'down'
  t.strictSame(names(all.at(ends(THERE))), ['for all of ours', 'any', 'moved'])
})

t.test('RFC 7296 §3.5: who may claim an identity: those that name it, and those that take any', async t => {
  const dn = (octet: number): Identity => ({ type: 'dn', der: Uint8Array.of(octet) })
  const all = peers(
    peer('a'),
    peer('upper', { remoteId: fqdn('A.EXAMPLE.net') }),
    peer('email', { remoteId: { type: 'email', text: 'a.example.net' } }),
    peer('whoever', { remoteId: undefined }),
    peer('name 1', { remoteId: dn(1) }),
    peer('name 2', { remoteId: dn(2) }),
  )
  t.strictSame(names(all.claiming(fqdn('a.example.net'))), ['a', 'upper', 'whoever'])
  t.strictSame(
    names(all.claiming(dn(1))),
    ['name 1', 'name 2', 'whoever'],
    'only comparing tells names apart',
  )
})

t.test('a peer that changes is found by what it is, and not by what it was', async t => {
  const one = peer('one')
  const all = peers(one)
  one.peer = peer('one', { remoteAddress: ELSEWHERE, remoteId: fqdn('other.example.net') }).peer
  all.put(one)
  t.strictSame(names(all.at(ends(ELSEWHERE))), ['one'])
  t.strictSame(all.claiming(fqdn('one.example.net')), [])
  t.strictSame(names(all.claiming(fqdn('other.example.net'))), ['one'])
  t.equal(all.remove('one'), one)
  t.strictSame([names(all.at(ends(ELSEWHERE))), all.all, all.remove('one')], [[], [], undefined])
})

t.test('RFC 7296 §3.7: whom we trust is named once, as long as a peer needs it', async t => {
  const trusting = (...trustAnchors: readonly Uint8Array[]): Partial<IkePeer> => ({
    auth: {
      method: 'certificate',
      own: { method: 'psk', psk: new Uint8Array(8) },
      theirs: { method: 'certificate', trustAnchors, crls: [], revocation: 'off' },
    },
  })
  const [x, y] = [Uint8Array.of(1), Uint8Array.of(2)]
  const all = peers(peer('psk'))
  t.equal(all.someCertified, false)
  all.put(peer('one', trusting(x)))
  all.put(peer('two', trusting(Uint8Array.of(1), y)))
  t.equal(all.someCertified, true)
  t.strictSame(all.anchors, [x, y])
  all.remove('one')
  t.strictSame(all.anchors, [x, y])
  all.remove('two')
  t.strictSame([all.someCertified, all.anchors], [false, []])
})

t.test('RFC 8784 §3: whether any peer has a PPK, as long as one has', async t => {
  const [ppk, x] = [{ id: Uint8Array.of(1), secret: Uint8Array.of(2), required: false }, peer('x')]
  const all = peers(peer('one', { ppk }), x)
  t.equal(all.somePpk, true)
  all.remove('one')
  t.equal(all.somePpk, false)
  x.peer = { ...x.peer, ppk }
  all.put(x)
  t.equal(all.somePpk, true)
})
