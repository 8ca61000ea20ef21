import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { hand, NOTIFY, saOf, tamper } from './forge.js'
import { Lab, peerFor } from './lab.js'
import { inside, resealed } from './wire-tap.js'

const plain = (bytes: Uint8Array): readonly Wire.PlainPayload[] =>
  inside(bytes) as readonly Wire.PlainPayload[]
const answered = (lab: Lab): string | undefined =>
  lab.sent.find(d => d.text.startsWith('IKE_AUTH response'))?.text

t.test(
  'RFC 7296 §2.21.2: AUTHENTICATION_FAILED alone and without data, the same for a wrong PSK and a wrong identity',
  async t => {
    const wrongPsk = new Lab()
    wrongPsk.both({}, { psk: 'sword' })
    wrongPsk.run(500)
    const wrongId = new Lab()
    wrongId.both({}, { remoteId: 'somebody.example.net' })
    wrongId.run(500)
    for (const lab of [wrongPsk, wrongId]) {
      t.equal(answered(lab), 'IKE_AUTH response 1 {N(AUTHENTICATION_FAILED)}')
      const bytes = lab.sent.find(d => d.text.startsWith('IKE_AUTH response'))?.bytes ?? new Uint8Array()
      t.match(inside(bytes), [{ notifyType: NOTIFY.AUTHENTICATION_FAILED, data: new Uint8Array(0) }])
      t.equal(lab.b.ike.report('A')?.sas.length, 0)
    }
    t.equal(wrongPsk.b.event('failed')[0]?.why.code, 'BRUNEL_IKE_WRONG_PSK', 'our own log tells them apart')
    t.equal(wrongId.b.event('failed')[0]?.why.code, 'BRUNEL_IKE_WRONG_ID')
  },
)

t.test('RFC 7296 §1.2, §2.21.2: a child that fails in IKE_AUTH leaves the IKE SA up', async t => {
  const lab = new Lab()
  lab.both({ esp: ['aes128gcm16-esn'] }, { esp: ['aes256gcm16-esn'] })
  lab.run(900)
  t.equal(answered(lab), 'IKE_AUTH response 1 {IDr, AUTH, N(NO_PROPOSAL_CHOSEN)}')
  t.equal(saOf(lab, lab.a).state, 'established')
  t.equal(saOf(lab, lab.b).state, 'established')
  t.same([lab.a.children.size, lab.b.children.size], [0, 0])
})

t.test(
  'RFC 7296 §2.21.2: the initiator that rejects the responder says so, and both forget without a Delete',
  async t => {
    const lab = new Lab()
    lab.both({ remoteId: undefined }, {})
    tamper(lab, 'B IKE_AUTH response', bytes =>
      resealed(
        bytes,
        plain(bytes).map(p =>
          p.type === 'AUTH' ? { ...p, data: p.data.with(0, (p.data[0] as number) ^ 1) } : p,
        ),
      ),
    )
    lab.run(500)
    t.match(lab.exchanges().slice(4), [
      'A > INFORMATIONAL request 2 {N(AUTHENTICATION_FAILED)}',
      'B > INFORMATIONAL response 2 {}',
    ])
    t.same([lab.a.children.size, lab.b.children.size], [0, 0])
    t.equal(lab.b.ike.report('A')?.sas.length, 0)
    t.equal(lab.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_WRONG_PSK')
  },
)

t.test('RFC 7296 §2.21.2: AUTHENTICATION_FAILED in a later INFORMATIONAL ends nothing', async t => {
  const lab = new Lab()
  lab.both()
  lab.run(1000)
  const { spiInitiator, spiResponder } = saOf(lab, lab.a)
  const header = {
    spiInitiator: spiInitiator as never,
    spiResponder: spiResponder as never,
    exchangeType: Wire.EXCHANGE.INFORMATIONAL,
    initiator: true,
    response: false,
  }
  const empty = Wire.emitMessage({ ...header, messageId: 2 }, [])
  hand(lab, lab.b, resealed(empty, []))
  const late = Wire.emitMessage({ ...header, messageId: 3 }, [])
  hand(lab, lab.b, resealed(late, [Wire.notify(NOTIFY.AUTHENTICATION_FAILED)]))
  t.equal(saOf(lab, lab.b).state, 'established')
})

t.test(
  'RFC 7296 §2.4: INITIAL_CONTACT only in the first IKE_AUTH, and only while there is no other IKE SA',
  async t => {
    const lab = new Lab()
    lab.both()
    lab.run(1000)
    lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
    lab.run(3000)
    const auths = lab.sent.filter(d => d.text.startsWith('IKE_AUTH request')).map(d => d.text)
    t.match(auths, [/INITIAL_CONTACT/, /IKE_AUTH request 1 \{IDi, IDr/])
    t.equal(lab.sent.filter(d => d.text.includes('INITIAL_CONTACT')).length, 1)
  },
)

t.test('RFC 7296 §2.4: INITIAL_CONTACT is acted on after AUTH is good, not before', async t => {
  for (const good of [false, true]) {
    const lab = new Lab({ settings: { childGrace: 0 as never } })
    lab.both()
    lab.run(1000)
    const [old] = lab.b.children.keys()
    lab.restart(lab.a, 77)
    lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, good ? {} : { psk: 'sword' }) })
    lab.run(1500)
    t.match(lab.sent.at(-2)?.text, /INITIAL_CONTACT/)
    t.equal(lab.b.children.has(old as number), !good, good ? 'the peer began anew' : 'anybody can say so')
  }
})

t.test(
  'RFC 7296 §2.4: INITIAL_CONTACT that was kept back closes no IKE SA that the peer began later',
  async t => {
    const lab = new Lab({
      rule: (d, nth) => (d.text.startsWith('IKE_AUTH request') && nth === 1 ? [] : undefined),
    })
    lab.both()
    lab.run(100)
    const late = lab.sent.find(d => d.text.startsWith('IKE_AUTH request'))
    lab.rule = () => undefined
    lab.feed(lab.a, { on: 'peer-removed', peer: 'B' })
    lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b) })
    lab.run(1000)
    const [younger] = lab.b.children.keys()
    t.match(late?.text, /INITIAL_CONTACT/)
    hand(lab, lab.b, late?.bytes ?? new Uint8Array())
    t.ok(lab.b.children.has(younger as number))
    lab.run(60_000)
    t.same([...lab.b.children.keys()], [younger], 'and what nobody holds goes by itself')
  },
)

t.test('RFC 7296 §2.4: INITIAL_CONTACT leaves the SAs of other peers alone', async t => {
  const lab = new Lab()
  lab.both()
  lab.run(1000)
  const other = {
    ...peerFor(lab.b, lab.a, { initiate: false, remoteId: 'c.example.net' }),
    name: 'C',
    remoteAddress: '192.0.2.3',
  }
  lab.feed(lab.b, { on: 'peer-set', peer: other })
  const stranger = new Lab({ seed: 9 })
  stranger.both({ localId: 'c.example.net' })
  // C speaks to B: its messages are carried over by hand.
  const at = { address: '192.0.2.3', port: 500 }
  const [init] = stranger.sent
  const [answer] = hand(lab, lab.b, init?.bytes ?? new Uint8Array(), at)
  const [auth] = hand(stranger, stranger.a, answer?.bytes ?? new Uint8Array())
  t.match(auth?.text, /INITIAL_CONTACT/)
  t.match(hand(lab, lab.b, auth?.bytes ?? new Uint8Array(), at)[0]?.text, /^IKE_AUTH response 1 \{IDr, AUTH/)
  t.equal(saOf(lab, lab.b).state, 'established')
  t.equal(lab.b.children.size >= 1, true)
})

t.test('RFC 7296 §3.5: the identity counts, not the address a peer speaks from', async t => {
  const lab = new Lab({ nat: { inside: '192.0.2.1', outside: '203.0.113.1', port: port => port + 20000 } })
  lab.both({}, { remoteAddress: undefined })
  lab.run(2000)
  t.equal(lab.a.children.size, 1)
  t.equal(lab.b.event('ike-up')[0]?.remoteId, 'a.example.net')
})

for (const [type, localId, remoteId] of [
  ['ipv4', '192.0.2.1', 'ipv4'],
  ['ipv6', '2001:db8::1', 'ipv6'],
  ['fqdn', 'branch.example.net', 'fqdn'],
  ['email', 'router@example.net', 'email'],
  ['key-id', 'opaque', 'key-id'],
] as const) {
  t.test(`RFC 7296 §3.5, RFC 4301 §4.4.3.2: a peer is known by an identity of type ${type}`, async t => {
    const lab = new Lab()
    const id = { type, text: localId } as const
    t.equal(remoteId, type)
    lab.feed(lab.b, { on: 'peer-set', peer: { ...peerFor(lab.b, lab.a, { initiate: false }), remoteId: id } })
    lab.feed(lab.a, { on: 'peer-set', peer: { ...peerFor(lab.a, lab.b), localId: id } })
    lab.run(1000)
    t.equal(lab.b.children.size, 1)
  })
}

t.test('RFC 7296 §3.5, RFC 4301 §4.4.3.2: a peer is known by a distinguished name', async t => {
  const lab = new Lab()
  // CN=branch
  const der = Uint8Array.from(Buffer.from('3011310f300d06035504030c066272616e6368', 'hex'))
  const id = { type: 'dn', der } as const
  lab.feed(lab.b, { on: 'peer-set', peer: { ...peerFor(lab.b, lab.a, { initiate: false }), remoteId: id } })
  lab.feed(lab.a, { on: 'peer-set', peer: { ...peerFor(lab.a, lab.b), localId: id } })
  lab.run(1000)
  t.equal(lab.b.children.size, 1)
})

t.test('RFC 7296 §2.15: a PSK of 64 octets and more is taken whole', async t => {
  for (const psk of ['x'.repeat(64), 'y'.repeat(200)]) {
    const lab = new Lab()
    lab.both({ psk })
    lab.run(1000)
    t.equal(lab.a.children.size, 1)
  }
})
