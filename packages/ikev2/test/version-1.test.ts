import t from 'tap'
import { hand, up } from './forge.js'
import { Lab } from './lab.js'

/** The first message of IKEv1: an ISAKMP header, RFC 2408 §3.1, and an SA payload that nobody reads. */
function version1(mode: 2 | 4 | 5 = 2, responder = 0): Uint8Array {
  const bytes = new Uint8Array(80).fill(7)
  bytes.fill(responder, 8, 16)
  bytes.set([1, 0x10, mode, 0], 16)
  new DataView(bytes.buffer).setUint32(24, bytes.length)
  return bytes
}
const told = (lab: Lab) => lab.b.event('failed').filter(({ why }) => why.code === 'BRUNEL_IKE_VERSION_1')

t.test('RFC 7296 §2.5, RFC 9395 §2: IKEv1 of a peer is dropped by name, and the peer shows why', async t => {
  const lab = new Lab()
  lab.both({ initiate: false })
  for (let n = 0; n < 5; n++) t.same(hand(lab, lab.b, version1()), [], 'no answer')
  t.match(lab.b.drops, Array(5).fill(/^ike-v1: IKEv1 Main Mode/))
  t.equal(told(lab).length, 1, 'one event')
  t.match(told(lab)[0], { peer: 'A', remote: { address: '192.0.2.1' } })
  const failure = lab.b.ike.report('A')?.lastFailure
  t.match(failure?.sentence, /The other router speaks IKEv1 \(Main Mode from 192\.0\.2\.1\)/)
  t.match(failure?.remedy, /version = 2/)
  lab.run(600_001)
  hand(lab, lab.b, version1(4))
  t.equal(told(lab).length, 2, 'and again after a while')
  t.match(lab.b.ike.report('A')?.lastFailure?.evidence, { mode: 'Aggressive Mode' })
})

t.test('it stays the reason while our own attempts hear nothing, or a refusal', async t => {
  const lab = new Lab({ rule: () => [] })
  lab.both({}, { initiate: true })
  for (let s = 1; s <= 60; s++) {
    if (s % 20 === 5) hand(lab, lab.b, version1())
    lab.run(s * 1000)
  }
  t.match(
    lab.b.event('failed').map(({ why }) => why.code),
    ['BRUNEL_IKE_VERSION_1', 'BRUNEL_IKE_PEER_SILENT'],
  )
  t.equal(lab.b.ike.report('A')?.lastFailure?.code, 'BRUNEL_IKE_VERSION_1')
})

t.test('a stranger is told of without a peer, and few strangers at once', async t => {
  const lab = new Lab()
  lab.both({ initiate: false })
  for (let n = 1; n <= 100; n++) hand(lab, lab.b, version1(), { address: `203.0.113.${n}`, port: 500 })
  t.equal(told(lab).length, 5)
  t.equal(told(lab)[0]?.peer, undefined)
  t.equal(lab.b.ike.report('A')?.lastFailure, undefined)
  t.equal(lab.b.drops.length, 100)
})

t.test('RFC 7296 §2.4: a peer that has an IKE SA is not touched by it: it is not authenticated', async t => {
  const lab = up()
  hand(lab, lab.b, version1())
  t.equal(told(lab).length, 0)
  t.equal(lab.b.ike.report('A')?.lastFailure, undefined)
  t.match(lab.b.drops, [/^ike-v1/])
})

t.test('other messages of IKEv1 are of a wrong version, no more', async t => {
  const lab = new Lab()
  lab.both({ initiate: false })
  hand(lab, lab.b, version1(5))
  hand(lab, lab.b, version1(2, 9))
  t.match(lab.b.drops, [/^ike-version/, /^ike-version/])
})
