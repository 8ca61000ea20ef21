import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { readRedirect } from '../src/redirect.js'
import { hand, say, tamper } from './forge.js'
import { Lab, peerFor } from './lab.js'
import { inside, resealed } from './wire-tap.js'

const OTHER = '192.0.2.3'
const text = (words: string): Uint8Array => new TextEncoder().encode(words)
const redirect = (
  type: number,
  identity: Uint8Array,
  nonce: Uint8Array = new Uint8Array(0),
): Wire.NotifyPayload =>
  Wire.notify(Wire.NOTIFY.REDIRECT, Wire.concat(Uint8Array.of(type, identity.length), identity, nonce))
const toOther = redirect(1, Uint8Array.of(192, 0, 2, 3))

/** B is at a second address too: the other gateway, with the same identity. */
function lab(options: { readonly allowed?: boolean; readonly id?: string } = {}): Lab {
  const made = new Lab()
  made.rule = datagram => {
    if (datagram.to.address !== OTHER) return undefined
    made.at((made.now + 10) as typeof made.now, () =>
      made.feed(made.b, {
        on: 'datagram',
        bytes: datagram.bytes,
        local: datagram.to,
        remote: datagram.from,
      }),
    )
    return []
  }
  made.feed(made.b, {
    on: 'peer-set',
    peer: { ...peerFor(made.b, made.a, { initiate: false }), localAddress: undefined },
  })
  made.feed(made.a, {
    on: 'peer-set',
    peer: {
      ...peerFor(made.a, made.b, { remoteId: options.id ?? 'b.example.net' }),
      redirect: options.allowed ?? true,
    },
  })
  return made
}

/** The answer to A's IKE_SA_INIT is this notify. */
const answered = (of: Lab, notify: (nonce: Uint8Array) => Wire.NotifyPayload): void => {
  const bytes = of.sent.findLast(d => d.text.startsWith('IKE_SA_INIT request'))?.bytes ?? new Uint8Array()
  const [header, message] = [Wire.parseHeader(bytes), Wire.parseMessage(bytes)]
  if (typeof header === 'string' || typeof message === 'string') throw new Error('no request')
  const nonce = Wire.find(message.payloads, 'NONCE')?.data ?? new Uint8Array()
  hand(of, of.a, Wire.emitMessage({ ...header, initiator: false, response: true }, [notify(nonce)]))
}
const last = (of: Lab) => of.sent.findLast(d => d.text.startsWith('IKE_SA_INIT request'))
const remoteOf = (of: Lab): string | undefined => of.a.ike.report('B')?.sas[0]?.remote.address

t.test('RFC 5685 §3: IKE_SA_INIT announces it only where the configuration allows it', async t => {
  t.match(lab().sent[0]?.text, /N\(REDIRECT_SUPPORTED\)/)
  t.notMatch(lab({ allowed: false }).sent[0]?.text, /REDIRECT/)
})

t.test(
  'RFC 5685 §3: a redirect in the answer to IKE_SA_INIT is followed, and says where it comes from',
  async t => {
    const of = lab()
    answered(of, nonce => redirect(1, Uint8Array.of(192, 0, 2, 3), nonce))
    t.equal(last(of)?.to.address, OTHER)
    t.match(last(of)?.text, /N\(REDIRECTED_FROM\)/)
    const message = Wire.parseMessage(last(of)?.bytes ?? new Uint8Array())
    if (typeof message === 'string') return t.fail(message)
    const from = Wire.findNotify(message.payloads, Wire.NOTIFY.REDIRECTED_FROM)
    t.same([...(from?.data ?? [])], [1, 4, 192, 0, 2, 2])
    of.run(1000)
    t.equal(of.a.children.size, 1)
    t.equal(remoteOf(of), OTHER)
    t.match(of.a.event('redirected')[0], { from: '192.0.2.2', to: OTHER })
    t.equal(of.a.event('failed').length, 0)
  },
)

t.test('RFC 5685 §3: without our nonce it is ignored, and the true answer still counts', async t => {
  for (const wrong of [new Uint8Array(0), new Uint8Array(32)]) {
    const of = lab()
    answered(of, () => redirect(1, Uint8Array.of(192, 0, 2, 3), wrong))
    t.match(of.a.drops, [/^ike-unexpected: REDIRECT without our nonce/])
    of.run(1000)
    t.equal(remoteOf(of), '192.0.2.2')
  }
})

t.test('RFC 5685 §3: not allowed, it is a hint with words; the attempt goes on', async t => {
  const of = lab({ allowed: false })
  answered(of, nonce => redirect(1, Uint8Array.of(192, 0, 2, 3), nonce))
  const failure = of.a.ike.report('B')?.lastFailure
  t.equal(failure?.code, 'BRUNEL_IKE_REDIRECT_REFUSED')
  t.match(failure?.sentence, /192\.0\.2\.3/)
  of.run(1000)
  t.equal(remoteOf(of), '192.0.2.2')
})

t.test(
  'RFC 5685 §6: a redirect in IKE_AUTH is followed once AUTH is good; the IKE SA is deleted',
  async t => {
    const of = lab()
    tamper(of, 'B IKE_AUTH response', bytes =>
      resealed(bytes, [
        ...(inside(bytes) as Wire.PlainPayload[]).filter(p => p.type === 'IDr' || p.type === 'AUTH'),
        toOther,
      ]),
    )
    of.run(1000)
    t.match(
      of.exchanges().filter(line => line.startsWith('A')),
      [/IKE_SA_INIT/, /IKE_AUTH/, /INFORMATIONAL request 2 \{D\(IKE\)\}|IKE_SA_INIT/],
    )
    t.ok(of.exchanges().some(line => line === 'A > INFORMATIONAL request 2 {D(IKE)}'))
    of.run(5000)
    t.equal(of.a.children.size, 1)
    t.equal(remoteOf(of), OTHER)
  },
)

t.test('RFC 5685 §6: in an IKE_AUTH whose AUTH is wrong it is not followed', async t => {
  const of = lab()
  tamper(of, 'B IKE_AUTH response', bytes =>
    resealed(bytes, [
      ...(inside(bytes) as Wire.PlainPayload[])
        .filter(p => p.type === 'IDr' || p.type === 'AUTH')
        .map(p => (p.type === 'AUTH' ? { ...p, data: new Uint8Array(p.data.length) } : p)),
      toOther,
    ]),
  )
  of.run(100)
  t.equal(of.a.event('redirected').length, 0)
  t.match(of.a.event('failed')[0]?.why.code, /WRONG_PSK/)
})

t.test(
  'RFC 5685 §5: a redirect of a session that stands: the new one first, then the old one goes',
  async t => {
    const of = lab()
    of.run(1000)
    const [old] = of.a.children.keys()
    of.ladder.length = 0
    const [answer] = say(of, of.b, [toOther])
    t.equal(answer?.text, 'INFORMATIONAL response 0 {}')
    of.run(5000)
    t.equal(remoteOf(of), OTHER)
    t.equal(of.a.children.size, 1)
    t.not([...of.a.children.keys()][0], old)
    const effects = of.a.effects.map(e => e.do)
    t.ok(effects.lastIndexOf('child-install') < effects.lastIndexOf('child-remove'), 'make before break')
    t.ok(of.exchanges().some(line => /^A > INFORMATIONAL request \d+ \{D\(IKE\)\}/.test(line)))
  },
)

t.test('RFC 5685 §5: a gateway that does not answer costs nothing: the old session stays', async t => {
  const of = lab()
  of.run(1000)
  const [old] = of.a.children.keys()
  say(of, of.b, [redirect(1, Uint8Array.of(192, 0, 2, 99))])
  of.run(30_000)
  t.same([...of.a.children.keys()], [old])
  t.equal(of.a.ike.report('B')?.lastFailure?.code, 'BRUNEL_IKE_PEER_SILENT')
})

t.test('RFC 5685 §5: only the client of a session is sent elsewhere', async t => {
  const of = lab()
  of.run(1000)
  say(of, of.a, [toOther])
  t.equal(of.b.event('redirected').length, 0)
  t.equal(of.b.event('initiating').length, 0)
})

t.test('RFC 5685 §3: the other gateway must prove the identity that is configured', async t => {
  const of = lab({ id: 'b.example.net' })
  of.feed(of.b, {
    on: 'peer-set',
    peer: { ...peerFor(of.b, of.a, { initiate: false, localId: 'c.example.net' }), localAddress: undefined },
  })
  answered(of, nonce => redirect(1, Uint8Array.of(192, 0, 2, 3), nonce))
  of.run(300)
  t.equal(of.a.children.size, 0)
  t.equal(of.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_WRONG_ID')
})

t.test('RFC 5685 §7: five redirects in five minutes; the sixth is refused with words', async t => {
  const of = lab()
  for (let n = 1; n <= 6; n++) answered(of, nonce => redirect(1, Uint8Array.of(192, 0, 2, 100 + n), nonce))
  t.equal(of.a.event('redirected').length, 5)
  t.equal(last(of)?.to.address, '192.0.2.105')
  t.equal(of.a.ike.report('B')?.lastFailure?.code, 'BRUNEL_IKE_REDIRECT_LOOP')
  of.run(30_000)
  t.equal(remoteOf(of), '192.0.2.2', 'the address that is configured is tried again')
  of.run(301_000)
  of.feed(of.a, { on: 'reauthenticate', peer: 'B' })
  answered(of, nonce => redirect(1, Uint8Array.of(192, 0, 2, 3), nonce))
  of.run(310_000)
  t.equal(remoteOf(of), OTHER, 'later it is followed again')
})

t.test('RFC 5685 §9.2: a gateway known by name is resolved by the host', async t => {
  const of = lab()
  answered(of, nonce => redirect(3, text('gw2.example.net'), nonce))
  t.match(
    of.a.effects.filter(effect => effect.do === 'resolve'),
    [{ peer: 'B', name: 'gw2.example.net' }],
  )
  const begun = (): number => of.sent.filter(({ sender }) => sender === 'A').length
  const before = begun()
  of.run(2000)
  t.equal(begun(), before, 'nothing begins meanwhile')
  of.feed(of.a, { on: 'resolved', peer: 'B', name: 'gw2.example.net', address: OTHER })
  of.run(4000)
  t.equal(remoteOf(of), OTHER)
})

t.test(
  'RFC 5685 §9.2: a name without an address: the configured one is tried again, and the reason told',
  async t => {
    const of = lab()
    answered(of, nonce => redirect(3, text('gw2.example.net'), nonce))
    of.feed(of.a, { on: 'resolved', peer: 'B', name: 'gw2.example.net', address: undefined })
    t.equal(of.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_REDIRECT_UNRESOLVED')
    of.run(2000)
    t.equal(remoteOf(of), '192.0.2.2')
  },
)

t.test('RFC 5685 §9.2: what a REDIRECT may hold', async t => {
  const nonce = new Uint8Array(32).fill(9)
  const v6 = Uint8Array.of(0x20, 1, 0xd, 0xb8, ...new Uint8Array(11), 7)
  for (const [data, want] of [
    [redirect(1, Uint8Array.of(192, 0, 2, 3), nonce).data, { gateway: { address: '192.0.2.3' }, nonce }],
    [redirect(2, v6).data, { gateway: { address: '2001:db8::7' }, nonce: new Uint8Array(0) }],
    [
      redirect(3, text('gw.example.net')).data,
      { gateway: { name: 'gw.example.net' }, nonce: new Uint8Array(0) },
    ],
    [redirect(1, v6).data, undefined],
    [redirect(2, Uint8Array.of(1, 2, 3, 4)).data, undefined],
    [redirect(3, text('not a name')).data, undefined],
    [redirect(3, text('')).data, undefined],
    [redirect(4, text('gw.example.net')).data, undefined],
    [Uint8Array.of(1, 9, 192, 0, 2, 3), undefined],
    [Uint8Array.of(1), undefined],
    [new Uint8Array(0), undefined],
  ] as const)
    t.same(readRedirect(data), want, Wire.hex(data))
})

t.test(
  'RFC 5685 §9.2: an IKE_AUTH answer whose REDIRECT is malformed ends that IKE SA with a reason',
  async t => {
    const of = lab()
    tamper(of, 'B IKE_AUTH response', bytes =>
      resealed(bytes, [
        ...(inside(bytes) as Wire.PlainPayload[]).filter(p => p.type === 'IDr' || p.type === 'AUTH'),
        redirect(9, Uint8Array.of(1)),
      ]),
    )
    of.run(100)
    t.equal(of.a.event('failed')[0]?.why.code, 'BRUNEL_IKE_MALFORMED')
    of.run(5000)
    t.equal(of.a.children.size, 1)
  },
)

t.test('RFC 5685 §3: a redirect keeps what a reauthentication replaces', async t => {
  const of = lab()
  of.run(1000)
  const [old] = of.a.children.keys()
  of.rule = (
    (rule: Lab['rule']): Lab['rule'] =>
    (datagram, nth) =>
      datagram.text.startsWith('IKE_SA_INIT') && datagram.to.address === of.b.address
        ? []
        : rule(datagram, nth)
  )(of.rule)
  of.feed(of.a, { on: 'reauthenticate', peer: 'B' })
  answered(of, nonce => redirect(1, Uint8Array.of(192, 0, 2, 3), nonce))
  of.run(6000)
  t.equal(of.a.children.size, 1)
  t.not([...of.a.children.keys()][0], old)
  t.equal(of.a.ike.report('B')?.sas.length, 1)
})
