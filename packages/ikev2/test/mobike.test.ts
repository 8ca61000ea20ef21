import { type Endpoint, instant } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { forge, hand, NOTIFY, saOf, say, textOf, up } from './forge.js'
import { Lab, type LabOptions, type PeerChange, peerFor, type Router } from './lab.js'
import { inside } from './wire-tap.js'

const CHECKED = { mobike: { returnRoutability: true } } as const
const UNCHECKED = { mobike: { returnRoutability: false } } as const
const MOVED = '192.0.2.77'
const at = (address: string, port = 4500): Endpoint => ({ address, port })

/** Two routers with MOBIKE; A began. */
const mobile = (options: LabOptions = {}, change: Partial<PeerChange> = CHECKED, onlyB = {}): Lab =>
  up(options, change, onlyB)

const spisOf = (router: Router): readonly (readonly [number, number])[] =>
  [...router.children.values()].map(({ spiIn, spiOut }) => [spiIn, spiOut])

const movesOf = (router: Router) =>
  router.effects.flatMap(e =>
    e.do === 'peer-moved' ? [`${e.local.address} ${e.remote.address} ${e.encapsulation}`] : [],
  )

const fresh = (lab: Lab): readonly string[] =>
  lab.sent.map(d => `${d.sender} ${d.from.address}>${d.to.address} ${d.text.replace(/^\S+ /, '')}`)

const UPDATE = 'N(UPDATE_SA_ADDRESSES), N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP)'
const NATS = 'N(NAT_DETECTION_SOURCE_IP), N(NAT_DETECTION_DESTINATION_IP)'

t.test(
  'RFC 4555 §3.2, §3.4: MOBIKE_SUPPORTED and further addresses in both messages of IKE_AUTH',
  async t => {
    const lab = new Lab()
    lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { initiate: false, ...CHECKED }) })
    lab.feed(lab.b, { on: 'own-addresses', peer: 'A', addresses: ['192.0.2.2', '2001:db8::2'] })
    lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, CHECKED) })
    lab.feed(lab.a, { on: 'own-addresses', peer: 'B', addresses: ['192.0.2.1', '198.51.100.1'] })
    lab.run(1000)
    const [request, answer] = lab.sent.slice(2).map(d => d.text)
    t.match(request, /N\(MOBIKE_SUPPORTED\), N\(ADDITIONAL_IP4_ADDRESS\)/)
    t.match(answer, /N\(MOBIKE_SUPPORTED\), N\(ADDITIONAL_IP6_ADDRESS\)/)
    t.same(saOf(lab, lab.a).mobike, { local: ['198.51.100.1'], remote: ['2001:db8::2'] })
    t.same(saOf(lab, lab.b).mobike, { local: ['2001:db8::2'], remote: ['198.51.100.1'] })
  },
)

t.test('RFC 4555 §3.2: without it on one side there is no MOBIKE, and nothing of it is said', async t => {
  for (const [a, b] of [
    [CHECKED, { mobike: undefined }],
    [{}, CHECKED],
  ] as const) {
    const lab = up({}, a, b)
    t.equal(saOf(lab, lab.a).mobike, undefined)
    t.equal(saOf(lab, lab.b).mobike, undefined)
    const [answer] = say(lab, lab.a, [Wire.notify(NOTIFY.UPDATE_SA_ADDRESSES)], { from: at(MOVED) })
    t.equal(answer?.text, 'INFORMATIONAL response 2 {}')
    t.same(movesOf(lab.b), [])
  }
})

t.test('RFC 4555 §1.2: transport mode has no MOBIKE', async t => {
  const lab = up({}, { ...CHECKED, mode: 'transport' })
  t.equal(saOf(lab, lab.a).mobike, undefined)
  t.equal(saOf(lab, lab.a).local.port, 500)
})

t.test('RFC 4555 §3.3: port 4500 from IKE_AUTH on though there is no NAT; ESP stays protocol 50', async t => {
  const lab = new Lab()
  lab.both(CHECKED)
  lab.run(1000)
  t.same(
    lab.sent.map(d => [d.sender, d.from.port, d.to.port]),
    [
      ['A', 500, 500],
      ['B', 500, 500],
      ['A', 4500, 4500],
      ['B', 4500, 4500],
    ],
  )
  for (const router of lab.routers) {
    const [child] = router.children.values()
    t.match(child, { encapsulation: 'none', local: { port: 0 }, remote: { port: 0 } })
    t.equal(saOf(lab, router).local.port, 4500)
  }
})

t.test('RFC 4555 §3.5: the initiator moves: UPDATE_SA_ADDRESSES, no SA lost', async t => {
  const lab = mobile({}, UNCHECKED)
  const before = spisOf(lab.a)
  lab.readdress(lab.a, MOVED)
  t.same(movesOf(lab.a), [`${MOVED} 192.0.2.2 none`], 'our ESP moves at once')
  lab.run(1100)
  t.same(fresh(lab), [
    `A ${MOVED}>192.0.2.2 request 2 {${UPDATE}}`,
    `B 192.0.2.2>${MOVED} response 2 {${NATS}}`,
  ])
  t.same(movesOf(lab.b), [`192.0.2.2 ${MOVED} none`])
  t.same(spisOf(lab.a), before)
  t.match(lab.a.event('moved'), [{ cause: 'here', from: { local: at('192.0.2.1') }, local: at(MOVED) }])
  t.match(lab.b.event('moved'), [{ cause: 'peer', from: { remote: at('192.0.2.1') }, remote: at(MOVED) }])
  t.equal(lab.a.event('ike-down').length + lab.b.event('ike-down').length, 0)
  lab.ladder.length = 0
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(3000)
  t.equal(lab.a.event('child-rekeyed').length, 1, 'and rekeying goes on, with the selectors in use')
})

t.test('RFC 4555 §3.7, §4.2.5: the responder checks the new address before its ESP goes there', async t => {
  const lab = mobile()
  lab.readdress(lab.a, MOVED)
  lab.run(1015)
  t.same(movesOf(lab.b), [], 'asked, not yet answered')
  lab.run(1100)
  t.same(fresh(lab), [
    `A ${MOVED}>192.0.2.2 request 2 {${UPDATE}, N(COOKIE2)}`,
    `B 192.0.2.2>${MOVED} response 2 {${NATS}, N(COOKIE2)}`,
    `B 192.0.2.2>${MOVED} request 0 {${NATS}, N(COOKIE2)}`,
    `A ${MOVED}>192.0.2.2 response 0 {${NATS}, N(COOKIE2)}`,
  ])
  const cookies = lab.sent.map(d => Wire.findNotify(inside(d.bytes), NOTIFY.COOKIE2)?.data)
  t.same(cookies[1], cookies[0], 'copied as it is')
  t.same(cookies[3], cookies[2])
  t.notSame(cookies[2], cookies[0])
  t.equal(cookies[0]?.length, 16, '8 to 64 octets')
  t.same(movesOf(lab.b), [`192.0.2.2 ${MOVED} none`])
})

t.test('RFC 4555 §3.7: a COOKIE2 that comes back changed, or not at all, closes the IKE SA', async t => {
  for (const back of [[], [Wire.notify(NOTIFY.COOKIE2, new Uint8Array(16).fill(1))]]) {
    const lab = mobile({ rule: d => (/UPDATE_SA/.test(d.text) ? [] : undefined) })
    lab.readdress(lab.a, MOVED)
    lab.b.ike.handle(lab.now, { on: 'down', peer: 'A' })
    hand(lab, lab.a, forge(lab, lab.b, back, { response: true, messageId: 2 }), at('192.0.2.2'), 4500)
    t.match(lab.a.event('ike-down'), [{ why: { code: 'BRUNEL_IKE_NOT_ROUTABLE' } }])
    t.match(lab.sent.at(-1)?.text ?? lab.ladder.join(), /IKE_SA_INIT|D\(IKE\)/)
  }
})

t.test(
  'RFC 4555 §3.5: a request under way is the same request from the new address; the update comes after it',
  async t => {
    const lab = mobile({}, UNCHECKED)
    lab.rule = d => (d.from.address === '192.0.2.1' ? [] : undefined)
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    const [rekey] = lab.sent
    lab.run(1300)
    lab.readdress(lab.a, MOVED)
    const again = lab.sent.at(-1)
    t.same(again?.bytes, rekey?.bytes, 'bit for bit')
    t.equal(again?.from.address, MOVED)
    lab.run(1500)
    t.match(lab.sent.filter(d => d.sender === 'A').at(-1)?.text, /UPDATE_SA_ADDRESSES|D\(/)
    t.match(textOf(lab.sent).join(), /UPDATE_SA_ADDRESSES/)
    t.equal(lab.a.event('child-rekeyed').length, 1)
    t.equal(saOf(lab, lab.b).remote.address, MOVED)
  },
)

t.test(
  'RFC 4555 §3.5: a second change while the update waits: its answer counts for nothing, and a new one goes',
  async t => {
    const lab = mobile()
    lab.readdress(lab.a, MOVED)
    lab.run(1005)
    lab.readdress(lab.a, '192.0.2.78', [MOVED])
    lab.run(1400)
    const updates = lab.sent.filter(d => d.sender === 'A' && /UPDATE_SA/.test(d.text))
    t.same(
      updates.map(d => [d.from.address, /request (\d)/.exec(d.text)?.[1]]),
      [
        [MOVED, '2'],
        ['192.0.2.78', '2'],
        ['192.0.2.78', '3'],
      ],
    )
    t.equal(saOf(lab, lab.b).remote.address, '192.0.2.78')
    t.equal(movesOf(lab.b).at(-1), '192.0.2.2 192.0.2.78 none')
  },
)

t.test('RFC 4555 §3.6: the responder moves: it tells its addresses, and the initiator updates', async t => {
  const lab = mobile()
  const before = spisOf(lab.b)
  lab.readdress(lab.b, '192.0.2.88')
  t.same(movesOf(lab.b), ['192.0.2.88 192.0.2.1 none'], 'its old address is gone, so it may')
  lab.run(1200)
  t.same(fresh(lab), [
    `B 192.0.2.88>192.0.2.1 request 0 {N(NO_ADDITIONAL_ADDRESSES), ${NATS}, N(COOKIE2)}`,
    `A 192.0.2.1>192.0.2.88 response 0 {${NATS}, N(COOKIE2)}`,
    `A 192.0.2.1>192.0.2.88 request 2 {${UPDATE}, N(COOKIE2)}`,
    `B 192.0.2.88>192.0.2.1 response 2 {${NATS}, N(COOKIE2)}`,
  ])
  t.same(movesOf(lab.a), ['192.0.2.1 192.0.2.88 none'])
  t.match(lab.a.event('moved'), [{ cause: 'peer' }])
  t.same(spisOf(lab.b), before)
})

t.test(
  'RFC 4555 §3.7: ESP goes to a new address of the responder only when it has answered there',
  async t => {
    const lab = mobile()
    lab.readdress(lab.b, '192.0.2.88')
    lab.run(1015)
    t.equal(saOf(lab, lab.a).remote.address, '192.0.2.88')
    t.same(movesOf(lab.a), [])
    lab.run(1040)
    t.same(movesOf(lab.a), ['192.0.2.1 192.0.2.88 none'])
  },
)

t.test('RFC 4555 §3.6: the list is told whole, by both ends, and moves nothing', async t => {
  const lab = mobile()
  lab.readdress(lab.b, '192.0.2.2', ['198.51.100.2', '198.51.100.3'])
  lab.run(1100)
  t.same(saOf(lab, lab.a).mobike?.remote, ['198.51.100.2', '198.51.100.3'])
  lab.readdress(lab.a, '192.0.2.1', ['2001:db8::1'])
  lab.run(1200)
  t.same(saOf(lab, lab.b).mobike?.remote, ['2001:db8::1'])
  lab.readdress(lab.b, '192.0.2.2', [])
  lab.run(1300)
  t.same(saOf(lab, lab.a).mobike?.remote, [])
  t.match(fresh(lab).join('\n'), /NO_ADDITIONAL_ADDRESSES/)
  t.same([...movesOf(lab.a), ...movesOf(lab.b)], [])
})

t.test('RFC 7296 §2.23, RFC 4555 §3.8: with MOBIKE an IKE packet from elsewhere moves nobody', async t => {
  const lab = mobile(
    { nat: { inside: '192.0.2.1', outside: '203.0.113.1', port: p => p + 20000 } },
    CHECKED,
    {
      remoteAddress: undefined,
    },
  )
  const before = saOf(lab, lab.b).remote
  const from = at('203.0.113.1', 31000)
  const [answer] = say(lab, lab.a, [], { from })
  t.same(answer?.to, from, 'the answer goes where the request came from')
  t.same(saOf(lab, lab.b).remote, before)
  t.same(movesOf(lab.b), [])
  lab.feed(lab.b, { on: 'esp-source', peer: 'A', spiIn: spisOf(lab.b)[0]?.[0] ?? 0, remote: from })
  t.same(saOf(lab, lab.b).remote, from, 'ESP may')
  const plain = { address: from.address, port: 0 }
  lab.feed(lab.b, { on: 'esp-source', peer: 'A', spiIn: spisOf(lab.b)[0]?.[0] ?? 0, remote: plain })
  t.same(saOf(lab, lab.b).remote, from, 'but not protocol 50, which has no port')
})

t.test('RFC 4555 §3.8: NAT_DETECTION in an INFORMATIONAL request is answered with ours', async t => {
  const lab = mobile()
  const hash = new Uint8Array(20)
  const [answer] = say(lab, lab.a, [
    Wire.notify(NOTIFY.NAT_DETECTION_SOURCE_IP, hash),
    Wire.notify(NOTIFY.NAT_DETECTION_DESTINATION_IP, hash),
  ])
  t.equal(answer?.text, `INFORMATIONAL response 2 {${NATS}}`)
  t.same(movesOf(lab.b), [])
})

t.test(
  'RFC 4555 §3.8: behind a NAT that forgot us, the liveness check finds out and the update repairs',
  async t => {
    let shift = 20000
    const nat = { inside: '192.0.2.1', outside: '203.0.113.1', port: (p: number) => p + shift }
    const lab = mobile({ nat }, { ...UNCHECKED, liveness: 10_000 }, { remoteAddress: undefined })
    lab.run(8000)
    shift = 30000
    lab.run(14_000)
    t.match(textOf(lab.sent).join('\n'), `INFORMATIONAL request 2 {${NATS}}\n`)
    t.match(textOf(lab.sent).join('\n'), /UPDATE_SA_ADDRESSES/)
    t.same(saOf(lab, lab.b).remote, at('203.0.113.1', 34500))
    t.equal(movesOf(lab.b).at(-1), '192.0.2.2 203.0.113.1 udp')
  },
)

t.test('RFC 4555 §3.5: a NAT on the new path puts ESP into UDP, and none takes it out again', async t => {
  const nat = { inside: MOVED, outside: '203.0.113.1', port: (p: number) => p + 20000 }
  const lab = mobile({ nat }, CHECKED)
  const before = spisOf(lab.a)
  lab.readdress(lab.a, MOVED)
  lab.run(1200)
  t.same(movesOf(lab.a), [`${MOVED} 192.0.2.2 none`, `${MOVED} 192.0.2.2 udp`])
  t.same(movesOf(lab.b), ['192.0.2.2 203.0.113.1 udp'])
  t.same(saOf(lab, lab.a).nat, { local: true, remote: false })
  t.equal(saOf(lab, lab.b).children[0]?.encapsulation, 'udp')
  lab.readdress(lab.a, '192.0.2.1')
  lab.run(2000)
  t.equal(movesOf(lab.a).at(-1), '192.0.2.1 192.0.2.2 none')
  t.equal(movesOf(lab.b).at(-1), '192.0.2.2 192.0.2.1 none')
  t.same(spisOf(lab.a), before)
})

t.test('RFC 4555 §3.9: where no NAT may be, NO_NATS_ALLOWED protects IKE_AUTH and each update', async t => {
  const lab = mobile({}, { ...CHECKED, encapsulation: 'none' })
  const all = up({}, { ...CHECKED, encapsulation: 'none' })
  t.equal(saOf(all, all.a).local.port, 500)
  lab.readdress(lab.a, MOVED)
  lab.run(1100)
  const [update] = lab.sent
  t.equal(update?.text, 'INFORMATIONAL request 2 {N(UPDATE_SA_ADDRESSES), N(NO_NATS_ALLOWED), N(COOKIE2)}')
  const said = Wire.findNotify(inside(update?.bytes ?? new Uint8Array()), NOTIFY.NO_NATS_ALLOWED)?.data
  t.equal(Wire.hex(said ?? new Uint8Array()), 'c000024dc000020201f401f4', '§4.2.6: addresses, then ports')
  t.equal(saOf(lab, lab.b).remote.address, MOVED)
})

t.test(
  'RFC 4555 §3.9: addresses that were changed are answered UNEXPECTED_NAT_DETECTED, and nothing moves',
  async t => {
    const lab = mobile({}, { ...CHECKED, encapsulation: 'none' })
    const noNats = Wire.notify(
      NOTIFY.NO_NATS_ALLOWED,
      Uint8Array.from([192, 0, 2, 1, 192, 0, 2, 2, 1, 244, 1, 244]),
    )
    for (const [i, first] of [NOTIFY.UPDATE_SA_ADDRESSES, NOTIFY.NO_ADDITIONAL_ADDRESSES].entries()) {
      const from = at('203.0.113.9', 500)
      const [answer] = say(lab, lab.a, [Wire.notify(first), noNats], { from, messageId: 2 + i })
      t.equal(answer?.text, `INFORMATIONAL response ${2 + i} {N(UNEXPECTED_NAT_DETECTED)}`)
      t.same(answer?.to, from, 'to where the request came from')
    }
    t.same(movesOf(lab.b), [])
  },
)

t.test('RFC 4555 §3.9: IKE_AUTH through an unexpected NAT fails and says so; it is tried again', async t => {
  const lab = new Lab({ rule: d => (/^IKE_AUTH request/.test(d.text) ? [] : undefined) })
  lab.both({ ...CHECKED, encapsulation: 'none' })
  lab.run(100)
  const auth = lab.sent.at(-1)
  const [answer] = hand(lab, lab.b, auth?.bytes ?? new Uint8Array(), at('203.0.113.9', 500))
  t.equal(answer?.text, 'IKE_AUTH response 1 {N(UNEXPECTED_NAT_DETECTED)}')
  lab.run(200)
  t.match(lab.b.event('failed'), [{ why: { code: 'BRUNEL_IKE_UNEXPECTED_NAT' } }])
})

t.test(
  'RFC 4555 §3.9: UNEXPECTED_NAT_DETECTED is answered by new requests, several times, then by an end',
  async t => {
    const lab = mobile(
      { rule: d => (/UPDATE_SA/.test(d.text) ? [] : undefined) },
      { ...CHECKED, encapsulation: 'none' },
    )
    lab.rule = d => {
      if (!/UPDATE_SA/.test(d.text)) return undefined
      const messageId = Number(/request (\d+)/.exec(d.text)?.[1])
      const cookie = Wire.findNotify(inside(d.bytes), NOTIFY.COOKIE2)?.data ?? new Uint8Array()
      const payloads = [Wire.notify(NOTIFY.UNEXPECTED_NAT_DETECTED), Wire.notify(NOTIFY.COOKIE2, cookie)]
      const bytes = forge(lab, lab.b, payloads, { response: true, messageId })
      lab.at(instant(lab.now + 10), () => hand(lab, lab.a, bytes, at('192.0.2.2', 500)))
      return []
    }
    lab.readdress(lab.a, MOVED)
    lab.run(20_000)
    t.equal(lab.sent.filter(d => /UPDATE_SA/.test(d.text)).length, 9)
    t.match(lab.a.event('ike-down'), [{ why: { code: 'BRUNEL_IKE_UNEXPECTED_NAT' } }])
  },
)

t.test('RFC 4555 §3.5: addresses that our policy refuses are answered UNACCEPTABLE_ADDRESSES', async t => {
  const lab = mobile()
  const update = [Wire.notify(NOTIFY.UPDATE_SA_ADDRESSES)]
  const [answer] = say(lab, lab.a, update, { from: at('192.0.2.2') })
  t.equal(answer?.text, 'INFORMATIONAL response 2 {N(UNACCEPTABLE_ADDRESSES)}')
  t.equal(saOf(lab, lab.b).remote.address, '192.0.2.1')
})

t.test(
  'RFC 4555 §3.5: UNACCEPTABLE_ADDRESSES: another pair is tried, and without one a new IKE SA',
  async t => {
    const refusing = (further: readonly string[]): Lab => {
      const lab = mobile()
      lab.rule = d => {
        if (d.from.address !== MOVED || !/UPDATE_SA/.test(d.text)) return undefined
        const messageId = Number(/request (\d+)/.exec(d.text)?.[1])
        const cookie = Wire.findNotify(inside(d.bytes), NOTIFY.COOKIE2)?.data ?? new Uint8Array()
        const payloads = [Wire.notify(NOTIFY.UNACCEPTABLE_ADDRESSES), Wire.notify(NOTIFY.COOKIE2, cookie)]
        lab.b.ike.handle(lab.now, {
          on: 'datagram',
          bytes: d.bytes,
          local: at('192.0.2.2'),
          remote: at('192.0.2.2'),
        })
        const bytes = forge(lab, lab.b, payloads, { response: true, messageId })
        lab.at(instant(lab.now + 10), () => hand(lab, lab.a, bytes, at('192.0.2.2'), 4500))
        return []
      }
      lab.readdress(lab.a, MOVED, further)
      lab.run(3000)
      return lab
    }
    const other = refusing(['192.0.2.79'])
    t.equal(saOf(other, other.a).local.address, '192.0.2.79')
    t.equal(other.a.event('ike-down').length, 0)
    const none = refusing([])
    t.match(none.a.event('ike-down'), [{ why: { code: 'BRUNEL_IKE_ADDRESSES_REFUSED' } }])
  },
)

t.test(
  'RFC 4555 §3.10: the present path goes dead; the other pairs are tried and one takes over',
  async t => {
    const lab = mobile()
    lab.readdress(lab.a, '192.0.2.1', ['198.51.100.1'])
    lab.readdress(lab.b, '192.0.2.2', ['198.51.100.2'])
    lab.run(1500)
    const before = spisOf(lab.a)
    lab.sent.length = 0
    lab.rule = d => (d.from.address.startsWith('198') && d.to.address.startsWith('198') ? undefined : [])
    lab.run(14_000)
    t.same(saOf(lab, lab.a).local, at('198.51.100.1'))
    t.same(saOf(lab, lab.a).remote, at('198.51.100.2'))
    t.same(saOf(lab, lab.b).remote, at('198.51.100.1'))
    t.same(spisOf(lab.a), before)
    t.same(movesOf(lab.b).at(-1), '198.51.100.2 198.51.100.1 none')
    t.equal(lab.a.event('ike-down').length + lab.b.event('ike-down').length, 0)
  },
)

t.test('RFC 4555 §3.12: until the move is confirmed, ESP from the peer is no sign of life', async t => {
  const lab = mobile({ rule: () => undefined })
  lab.rule = () => []
  lab.readdress(lab.a, MOVED)
  for (let s = 2; s < 60; s++)
    lab.at(instant(s * 1000), () =>
      lab.feed(lab.a, { on: 'child-activity', peer: 'B', lastIn: lab.now, lastOut: lab.now }),
    )
  lab.run(30_000)
  t.match(lab.a.event('ike-down'), [{ why: { code: 'BRUNEL_IKE_PEER_LOST' } }])
})

t.test('the peer document names other addresses: sessions with MOBIKE go on, others begin anew', async t => {
  for (const mobike of [CHECKED, {}]) {
    const lab = mobile({}, mobike)
    const spi = saOf(lab, lab.a).spiInitiator
    lab.a.address = MOVED
    lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, mobike) })
    lab.run(6000)
    t.equal(saOf(lab, lab.a).spiInitiator === spi, mobike === CHECKED)
    t.equal(saOf(lab, lab.b).remote.address, MOVED)
    lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { initiate: false, ...mobike }) })
    t.equal(lab.b.event('ike-down').length === 0, mobike === CHECKED, 'where the peer is already')
  }
})

t.test('the peer document names an address where the peer is not known to be: begun anew there', async t => {
  const lab = mobile()
  const there = { ...CHECKED, initiate: false, remoteAddress: '203.0.113.50' }
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, there) })
  t.equal(lab.b.event('ike-down').length, 1)
})

t.test('an identity that is only our address does not end the session when the address changes', async t => {
  const lab = new Lab()
  const implied = (router: Router, far: Router) => ({
    ...peerFor(router, far, { ...CHECKED, remoteId: undefined }),
    localId: { type: 'ipv4', text: router.address } as const,
  })
  lab.feed(lab.b, { on: 'peer-set', peer: { ...implied(lab.b, lab.a), initiate: false } })
  lab.feed(lab.a, { on: 'peer-set', peer: implied(lab.a, lab.b) })
  lab.run(1000)
  lab.a.address = MOVED
  lab.feed(lab.a, { on: 'peer-set', peer: implied(lab.a, lab.b) })
  lab.run(2000)
  t.equal(lab.a.event('ike-down').length, 0)
  t.equal(saOf(lab, lab.b).remote.address, MOVED)
})

t.test('a move while a rekey of the IKE SA is under way: both arrive, on the successor', async t => {
  for (const who of ['a', 'b'] as const) {
    const lab = mobile()
    lab.feed(lab[who], { on: 'rekey', peer: who === 'a' ? 'B' : 'A', what: 'ike' })
    lab.readdress(lab.a, MOVED)
    lab.run(8000)
    t.equal(saOf(lab, lab.a).spiInitiator, saOf(lab, lab.b).spiInitiator)
    for (const router of lab.routers) t.equal(router.event('ike-rekeyed').length, 1)
    t.equal(saOf(lab, lab.b).remote.address, MOVED)
    t.equal(movesOf(lab.b).at(-1), `192.0.2.2 ${MOVED} none`)
    lab.readdress(lab.a, '192.0.2.1')
    lab.run(12_000)
    t.equal(saOf(lab, lab.b).remote.address, '192.0.2.1', 'the successor moves as well')
  }
})

t.test('RFC 4555 §3.5: an update that was lost with its IKE SA is said on the successor', async t => {
  const lab = mobile()
  const first = saOf(lab, lab.a).spiInitiator
  const isLost = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 8)).toString('hex') === first
  lab.rule = d => (d.text.includes('UPDATE_SA_ADDRESSES') && isLost(d.bytes) ? [] : undefined)
  lab.readdress(lab.b, '192.0.2.88')
  lab.at(instant(lab.now + 50), () => lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' }))
  lab.run(3000)
  for (const router of lab.routers) t.equal(router.event('ike-rekeyed').length, 1)
  t.same(movesOf(lab.a), ['192.0.2.1 192.0.2.88 none'])
})
