import { instant } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { NOTIFY, saOf, say } from './forge.js'
import { Lab, type LabOptions, type PeerChange, peerFor, type Router } from './lab.js'
import { inside } from './wire-tap.js'

/** Two routers that tell 1422 and 1322, or what a test says; `other`: of another kind, that knows nothing of it. */
function telling(
  { a = 1422, b = 1322 }: { readonly a?: number | 'other'; readonly b?: number | 'other' },
  options: LabOptions = {},
  change: Partial<PeerChange> = {},
): Lab {
  const lab = new Lab(options)
  const set = (near: Router, far: Router, mtu: number | 'other', initiate: boolean): unknown =>
    lab.feed(near, {
      on: 'peer-set',
      peer: { ...peerFor(near, far, { initiate, ...change }), ...(mtu === 'other' ? {} : { innerMtu: mtu }) },
    })
  set(lab.b, lab.a, b, false)
  set(lab.a, lab.b, a, true)
  lab.run(1000)
  return lab
}

const tell = (lab: Lab, router: Router, mtu: number): unknown =>
  lab.feed(router, { on: 'inner-mtu', peer: lab.other(router).name, mtu })

/** What the host was told of the other end, in order. */
const heard = (router: Router): readonly (number | undefined)[] =>
  router.effects.flatMap(effect => (effect.do === 'peer-mtu' ? [effect.mtu] : []))

const INNER_MTU = /N\(BRUNEL_INNER_MTU\)/
const requests = (lab: Lab): readonly string[] =>
  lab.sent.map(({ sender, text }) => `${sender} ${text}`).filter(text => /INFORMATIONAL request/.test(text))

t.test(
  'RFC 7296 §3.12, §3.10.1: who shows our Vendor ID is told in IKE_AUTH, and tells; nothing else is said of it',
  async t => {
    const lab = telling({})
    t.same([heard(lab.a), heard(lab.b)], [[1322], [1422]])
    const [init, initAnswer, auth, authAnswer] = lab.sent.map(({ text }) => text)
    t.match([init, initAnswer], [/, V\}?/, /, V\}?/])
    t.match([auth, authAnswer], [INNER_MTU, INNER_MTU])
    t.equal(lab.sent.length, 4)
    const notify = Wire.findNotify(inside(lab.sent[2]?.bytes ?? new Uint8Array()), NOTIFY.BRUNEL_INNER_MTU)
    t.same([...(notify?.data ?? [])], [1, 0, 1422 >> 8, 1422 & 255, 0, 0, 0, 1])
    t.same([notify?.protocol, notify?.spi.length], [0, 0])
  },
)

for (const [who, mtus] of [
  ['the responder', { b: 'other' }],
  ['the initiator', { a: 'other' }],
] as const)
  t.test(
    `RFC 7296 §3.12: ${who} is of another kind: it is told nothing, also when the MTU changes`,
    async t => {
      const lab = telling(mtus)
      for (const router of lab.routers) tell(lab, router, 1300)
      lab.run(20_000)
      t.same([heard(lab.a), heard(lab.b)], [[], []])
      t.notOk(lab.sent.some(({ text }) => INNER_MTU.test(text)))
      t.notOk(
        lab.sent.some(({ sender, text }) => sender === 'B' && /\bV\b/.test(text)),
        'shown to nobody who did not',
      )
    },
  )

t.test('RFC 7296 §1.4: another value is told at once, by either end, and answered with nothing', async t => {
  const lab = telling({})
  lab.sent.length = 0
  tell(lab, lab.b, 1200)
  tell(lab, lab.a, 1380)
  lab.run(2000)
  t.same(
    [heard(lab.a), heard(lab.b)],
    [
      [1322, 1200],
      [1422, 1380],
    ],
  )
  t.same(requests(lab), [
    'B INFORMATIONAL request 0 {N(BRUNEL_INNER_MTU)}',
    'A INFORMATIONAL request 2 {N(BRUNEL_INNER_MTU)}',
  ])
  t.match(
    lab.sent.map(({ text }) => text),
    [/./, /./, /response 0 \{\}/, /response 2 \{\}/],
  )
})

t.test('it rises as it falls: what an end tells is its own and never the lower of the two', async t => {
  const lab = telling({})
  for (const [at, mtu] of [
    [2000, 1000],
    [5000, 1422],
  ] as const) {
    lab.run(at)
    tell(lab, lab.a, mtu)
  }
  lab.run(8000)
  t.same(heard(lab.b), [1422, 1000, 1422])
  t.same(heard(lab.a), [1322])
})

t.test('many changes are one request a second, and the last value is told', async t => {
  const lab = telling({})
  lab.sent.length = 0
  for (let i = 0; i < 100; i++) {
    tell(lab, lab.a, 1300 - i)
    lab.run(1000 + i * 10)
  }
  lab.run(6000)
  t.ok(requests(lab).length <= 3, requests(lab).join('\n'))
  t.equal(heard(lab.b).at(-1), 1201)
})

t.test('RFC 7296 §2.1: a request that is lost is repeated', async t => {
  const lab = telling({})
  lab.rule = ({ text }, nth) => (INNER_MTU.test(text) && nth === 1 ? [] : undefined)
  tell(lab, lab.a, 1300)
  lab.run(6000)
  t.same(heard(lab.b), [1422, 1300])
})

t.test(
  'RFC 7296 §2.8: a rekey of the IKE SA meanwhile loses nothing, and an old request tells nothing old',
  async t => {
    const lab = telling({})
    let held: Parameters<Lab['deliver']>[0] | undefined
    lab.rule = datagram => {
      // B keeps the old IKE SA for as long as its Delete is not answered.
      if (datagram.sender === 'A' && lab.now < 4000 && /INFORMATIONAL response/.test(datagram.text)) return []
      if (held !== undefined || !INNER_MTU.test(datagram.text)) return undefined
      held = datagram
      return []
    }
    tell(lab, lab.a, 1300)
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' })
    lab.run(1900)
    t.equal(heard(lab.b).at(-1), 1300, 'told again on the successor')
    tell(lab, lab.a, 1290)
    lab.run(3500)
    t.equal(heard(lab.b).at(-1), 1290)
    if (held !== undefined) lab.deliver(held)
    lab.run(3600)
    t.ok(
      lab.sent.some(({ sender, text }) => sender === 'B' && text === 'INFORMATIONAL response 2 {}'),
      'the old request is answered',
    )
    t.equal(heard(lab.b).at(-1), 1290, 'and changes nothing')
    lab.run(60_000)
    t.same(
      [lab.a, lab.b].map(router => router.ike.report(lab.other(router).name)?.sas.length),
      [1, 1],
    )
  },
)

t.test('a session that follows another tells anew; between them the value stays', async t => {
  const lab = telling({})
  lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
  tell(lab, lab.a, 1280)
  lab.run(20_000)
  t.equal(heard(lab.b).at(-1), 1280)
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.run(30_000)
  const before = heard(lab.b).length
  tell(lab, lab.a, 1270)
  lab.run(31_000)
  t.equal(heard(lab.b).length, before, 'nobody to tell')
  lab.feed(lab.a, { on: 'up', peer: 'B' })
  lab.run(40_000)
  t.same(heard(lab.b).slice(before), [1270])
})

t.test('a peer that comes back as one of another kind tells nothing any more', async t => {
  const lab = telling({})
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.run(10_000)
  lab.restart(lab.a, 77)
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b) })
  lab.run(20_000)
  t.same(heard(lab.b), [1422, undefined])
})

t.test('a changed value in a changed document needs no new session', async t => {
  const lab = telling({})
  const { spiInitiator } = saOf(lab, lab.a)
  lab.feed(lab.a, { on: 'peer-set', peer: { ...peerFor(lab.a, lab.b), innerMtu: 1111 } })
  lab.run(5000)
  t.equal(heard(lab.b).at(-1), 1111)
  t.equal(saOf(lab, lab.a).spiInitiator, spiInitiator)
})

const octets = (...of: readonly number[]): Uint8Array => Uint8Array.from(of)
for (const [what, data, why] of [
  ['399 octets', octets(1, 0, 1, 0x8f, 0, 0, 0, 9), 'an MTU of 399'],
  ['no octets', octets(1, 0, 0, 0, 0, 0, 0, 9), 'an MTU of 0'],
  ['too short a notify', octets(1, 0, 5, 0), '4 octets'],
  ['too long a notify', octets(1, 0, 5, 0, 0, 0, 0, 9, 0), '9 octets'],
  ['an empty notify', octets(), 'version undefined'],
  ['another version', octets(2, 0, 5, 0, 0, 0, 0, 9), 'version 2'],
] as const)
  t.test(`RFC 7296 §3.10: ${what} is refused with a name, answered, and the value before holds`, async t => {
    const lab = telling({})
    lab.sent.length = 0
    const [answer] = say(lab, lab.a, [Wire.notify(NOTIFY.BRUNEL_INNER_MTU, data)])
    t.equal(answer?.text, 'INFORMATIONAL response 2 {}')
    t.same([heard(lab.b), lab.b.drops], [[1422], [`ike-mtu: ${why}`]])
  })

t.test('RFC 7296 §3.10.1: from a peer that showed no Vendor ID of ours it is an unknown notify', async t => {
  const lab = telling({ a: 'other' })
  const [answer] = say(lab, lab.a, [Wire.notify(NOTIFY.BRUNEL_INNER_MTU, octets(1, 0, 5, 0, 0, 0, 0, 9))])
  t.equal(answer?.text, 'INFORMATIONAL response 2 {}')
  t.same([heard(lab.b), lab.b.drops], [[], []])
})

t.test('RFC 7296 §2.6: the Vendor ID makes no answer longer than what it answers', async t => {
  const lab = telling({}, { settings: { cookieThreshold: 100 } })
  t.notOk(lab.sent.some(({ text }) => /COOKIE/.test(text)))
  const [request, answer] = lab.sent
  t.ok((answer?.bytes.length ?? 0) <= (request?.bytes.length ?? 0))
  t.equal(lab.now, instant(1000))
})
