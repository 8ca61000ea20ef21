import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { EXCHANGE, forge, hand, NOTIFY, saOf, say, tamper, textOf, up } from './forge.js'
import type { Lab } from './lab.js'
import { inside, resealed } from './wire-tap.js'

const plain = (bytes: Uint8Array): readonly Wire.PlainPayload[] =>
  inside(bytes) as readonly Wire.PlainPayload[]
const pairOf = (lab: Lab): readonly [number, number] => [lab.a.children.size, lab.b.children.size]
/** What A would ask for to rekey its child, without asking. */
function rekeyRequest(lab: Lab): readonly Wire.PlainPayload[] {
  const { rule } = lab
  lab.rule = () => []
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.rule = rule
  return plain(lab.sent.at(-1)?.bytes ?? new Uint8Array())
}
const createChild = { exchange: EXCHANGE.CREATE_CHILD_SA }

/** Every CREATE_CHILD_SA of A is refused so, and B never hears of it. */
function answerAlways(lab: Lab, notifyType: number): void {
  lab.rule = d => {
    if (!d.text.startsWith('CREATE_CHILD_SA request')) return undefined
    if (d.sender !== 'A') return []
    const messageId = Number(d.text.split(' ')[2])
    const bytes = forge(lab, lab.b, [Wire.notify(notifyType)], { ...createChild, response: true, messageId })
    lab.at((lab.now + 10) as never, () => hand(lab, lab.a, bytes))
    return []
  }
}

t.test(
  'RFC 7296 §2.8: the responder installs the new inbound SA before it answers, and sends on the old',
  async t => {
    const lab = up()
    const [old] = lab.b.children.keys()
    const from = lab.b.effects.length
    say(lab, lab.a, rekeyRequest(lab), createChild)
    const done = lab.b.effects.slice(from).map(e => e.do)
    t.ok(done.indexOf('child-install') < done.indexOf('send'))
    t.match(
      lab.b.effects.slice(from).find(e => e.do === 'child-install'),
      { outbound: false },
    )
    t.equal(lab.b.outbound, old, 'until a packet comes on the new one, or the Delete of the old')
    const [, fresh] = lab.b.children.keys()
    lab.feed(lab.b, { on: 'child-used', peer: 'A', spiIn: fresh ?? 0 })
    t.equal(lab.b.outbound, fresh)
  },
)

t.test('RFC 7296 §2.8: the Delete of the old one turns the responder to the new one too', async t => {
  const lab = up()
  const [old] = lab.b.children.values()
  say(lab, lab.a, rekeyRequest(lab), createChild)
  const spis = [Wire.uint32(old?.spiOut ?? 0)]
  say(lab, lab.a, [{ type: 'D', protocol: 3, spis }], { messageId: 3 })
  t.equal(lab.b.outbound, [...lab.b.children.keys()][0])
  t.equal(lab.b.children.size, 1)
})

t.test(
  'RFC 7296 §2.8: the initiator sends on the new SA after the answer, and keeps the old inbound for a grace',
  async t => {
    const lab = up()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(2000)
    const steps = lab.a.effects
      .slice(-20)
      .flatMap(e =>
        e.do === 'child-install'
          ? [`install ${e.outbound}`]
          : e.do === 'child-remove'
            ? [`remove ${e.grace > 0}`]
            : [],
      )
    t.same(steps.slice(-2), ['install true', 'remove true'])
  },
)

t.test('RFC 7296 §2.8, §2.8.1: lifetimes are local and jittered, soft before hard', async t => {
  const softs = [1, 2, 3, 4, 5].map(seed => {
    const lab = up({ seed })
    const [child] = saOf(lab, lab.a).children
    return child?.rekeyAt ?? 0
  })
  t.equal(new Set(softs).size, 5)
  for (const soft of softs) t.ok(soft >= 0.8 * 3600_000 && soft <= 0.9 * 3600_000 + 1000, `${soft}`)
})

for (const why of ['bytes', 'packets', 'sequence'] as const) {
  t.test(
    `RFC 7296 §2.8, RFC 4301 §4.4.2.1: the soft limit by ${why} rekeys, whichever comes first`,
    async t => {
      const lab = up()
      const [spiIn] = lab.a.children.keys()
      lab.feed(lab.a, { on: 'child-limit', peer: 'B', spiIn: spiIn ?? 0, limit: 'soft', why })
      lab.run(2000)
      t.equal(lab.a.event('child-rekeyed').length, 1)
      t.same(pairOf(lab), [1, 1])
    },
  )
}

t.test(
  'RFC 7296 §2.8: at the hard limit traffic stops at once, the IKE SA is closed, and all begins anew',
  async t => {
    const lab = up()
    const [spiIn] = lab.a.children.keys()
    lab.feed(lab.a, { on: 'child-limit', peer: 'B', spiIn: spiIn ?? 0, limit: 'hard', why: 'bytes' })
    t.notOk(lab.a.children.has(spiIn ?? 0))
    t.match(lab.sent[0]?.text, 'INFORMATIONAL request 2 {D(IKE)}')
    lab.run(3000)
    t.same(pairOf(lab), [1, 1])
    t.notOk(lab.a.children.has(spiIn ?? 0))
  },
)

t.test('RFC 7296 §2.8: a child whose rekey is refused until the end stops at its hard lifetime', async t => {
  const lab = up({}, { espLifetime: 60_000, liveness: 600_000 })
  const [spiIn] = lab.a.children.keys()
  answerAlways(lab, NOTIFY.NO_PROPOSAL_CHOSEN)
  lab.run(59_900)
  t.ok(lab.a.children.has(spiIn ?? 0), 'it serves until then')
  t.ok(lab.sent.length > 0)
  lab.run(60_100)
  t.notOk(lab.a.children.has(spiIn ?? 0))
})

t.test(
  'RFC 7296 §2.25, §2.25.1: a rekey of an SPI that is unknown: CHILD_SA_NOT_FOUND with that SPI',
  async t => {
    const lab = up()
    const request = rekeyRequest(lab).map(p =>
      p.type === 'N' && p.notifyType === NOTIFY.REKEY_SA ? { ...p, spi: Wire.uint32(0x1234) } : p,
    )
    const [answer] = say(lab, lab.a, request, createChild)
    t.match(inside(answer?.bytes ?? new Uint8Array()), [
      { notifyType: NOTIFY.CHILD_SA_NOT_FOUND, protocol: 3, spi: Wire.uint32(0x1234) },
    ])
    t.same(pairOf(lab), [1, 1])
  },
)

t.test('RFC 7296 §2.25.1: a rekey of a child that is being closed: TEMPORARY_FAILURE', async t => {
  const lab = up()
  const request = rekeyRequest(lab)
  lab.feed(lab.b, { on: 'down', peer: 'A' })
  const [answer] = say(lab, lab.a, request, createChild)
  t.equal(answer?.text, 'CREATE_CHILD_SA response 2 {N(TEMPORARY_FAILURE)}')
})

t.test('RFC 7296 §2.25: CHILD_SA_NOT_FOUND: that SA is dropped here, and another made', async t => {
  const lab = up()
  const [old] = lab.a.children.values()
  tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
    resealed(bytes, [Wire.notifyChild(NOTIFY.CHILD_SA_NOT_FOUND, old?.spiIn ?? 0)]),
  )
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(1025)
  t.notOk(lab.a.children.has(old?.spiIn ?? 0))
  lab.run(10_000)
  t.equal(lab.a.children.size, 1)
  t.notOk(
    lab.sent.some(d => d.sender === 'A' && d.text.includes(`D(${(old?.spiIn ?? 0).toString(16)}`)),
    'without a Delete',
  )
})

t.test('RFC 7296 §2.25: TEMPORARY_FAILURE: tried again later, never at once, jittered', async t => {
  const waits = [1, 2, 3, 4].map(seed => {
    const lab = up({ seed })
    tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
      resealed(bytes, [Wire.notify(NOTIFY.TEMPORARY_FAILURE)]),
    )
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(8000)
    const at = lab.ladder.filter(l => l.includes('A > CREATE_CHILD_SA')).map(l => Number(l.split(' ')[0]))
    t.equal(at.length, 2)
    return (at[1] ?? 0) - (at[0] ?? 0)
  })
  for (const wait of waits) t.ok(wait >= 1000 && wait <= 2100, `${wait}`)
  t.ok(new Set(waits).size > 1)
})

t.test(
  'RFC 7296 §2.25, §2.8: TEMPORARY_FAILURE shortly before a child expires: tried again in time',
  async t => {
    const lab = up({}, { espLifetime: 6000 }, { espLifetime: 600_000 })
    const [old] = lab.a.children.keys()
    tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
      resealed(bytes, [Wire.notify(NOTIFY.TEMPORARY_FAILURE)]),
    )
    lab.run(6000)
    t.equal(lab.a.event('rekey-deferred').length, 1)
    t.notOk(lab.a.children.has(old ?? 0))
    t.same(lab.a.event('ike-down'), [], 'the IKE SA stays, and so does the tunnel')
  },
)

t.test('RFC 7296 §2.25: after minutes of TEMPORARY_FAILURE the IKE SA is closed', async t => {
  const lab = up({}, { liveness: 600_000 })
  const spi = saOf(lab, lab.a).spiInitiator
  answerAlways(lab, NOTIFY.TEMPORARY_FAILURE)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(170_000)
  t.ok(
    lab.a.ike.report('B')?.sas.some(sa => sa.spiInitiator === spi),
    'not before',
  )
  lab.run(200_000)
  t.notOk(lab.a.ike.report('B')?.sas.some(sa => sa.spiInitiator === spi))
})

t.test('RFC 7296 §2.8: two rekeys of one child before its Delete: both new ones receive', async t => {
  const lab = up()
  const request = rekeyRequest(lab)
  const again = request.map(p => {
    if (p.type === 'NONCE') return { ...p, data: new Uint8Array(32).fill(5) }
    if (p.type !== 'SA') return p
    return { ...p, proposals: p.proposals.map(one => ({ ...one, spi: Uint8Array.of(9, 9, 9, 9) })) }
  })
  t.match(textOf(say(lab, lab.a, request, createChild)), [/\{SA/])
  t.match(textOf(say(lab, lab.a, again, { ...createChild, messageId: 3 })), [/\{SA/])
  t.equal(lab.b.children.size, 3)
  t.equal(lab.b.effects.filter(e => e.do === 'child-remove').length, 0)
})

t.test(
  'RFC 7296 §2.2, §2.25.1: the peer’s Delete of the old child overtakes its answer: answered, and the rekey completes',
  async t => {
    const lab = up()
    const [old] = lab.a.children.values()
    lab.rule = d => (d.text.startsWith('CREATE_CHILD_SA response') ? [100] : undefined)
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(1050)
    const [answer] = say(lab, lab.b, [{ type: 'D', protocol: 3, spis: [Wire.uint32(old?.spiOut ?? 0)] }])
    t.match(answer?.text, /^INFORMATIONAL response 0 \{/)
    lab.run(3000)
    t.ok(lab.a.children.size >= 1)
    t.equal(lab.a.children.has(lab.a.outbound ?? 0), true, 'there is always one that sends')
  },
)

t.test('RFC 7296 §1.3.2: a rekey of the IKE SA carries SPIs of 8 octets, KE and no selectors', async t => {
  const lab = up()
  const spi = saOf(lab, lab.a).spiInitiator
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  const payloads = inside(lab.sent[0]?.bytes ?? new Uint8Array())
  t.same(
    payloads.map(p => p.type),
    ['SA', 'NONCE', 'KE'],
  )
  for (const p of Wire.find(payloads, 'SA')?.proposals ?? []) {
    t.equal(p.spi.length, 8)
    t.not(Wire.hex(p.spi), spi)
  }
})

t.test('RFC 7296 §1.3.2: a rekey of the IKE SA without KE, or with NONE, makes none', async t => {
  for (const change of [
    (ps: readonly Wire.PlainPayload[]) => ps.filter(p => p.type !== 'KE'),
    (ps: readonly Wire.PlainPayload[]) =>
      ps.map(p =>
        p.type === 'SA'
          ? {
              ...p,
              proposals: p.proposals.map(one => ({
                ...one,
                transforms: one.transforms.map(x => (x.type === 4 ? { ...x, id: 0 } : x)),
              })),
            }
          : p,
      ),
  ]) {
    const lab = up()
    lab.rule = () => []
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
    const request = change(plain(lab.sent[0]?.bytes ?? new Uint8Array()))
    const [answer] = say(lab, lab.a, request, createChild)
    t.match(answer?.text, /^CREATE_CHILD_SA response 2 \{N\((INVALID_KE_PAYLOAD|NO_PROPOSAL_CHOSEN)\)\}/)
    t.equal(lab.b.ike.report('A')?.sas.length, 1)
  }
})

t.test('RFC 7296 §1.4, §2.8: control messages of inherited children run on the new IKE SA', async t => {
  const lab = up()
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(2000)
  const spi = saOf(lab, lab.a).spiInitiator
  lab.sent.length = 0
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  lab.run(3000)
  for (const d of lab.sent) t.equal(Wire.hex(d.bytes.slice(0, 8)), spi)
  t.same(pairOf(lab), [1, 1])
})

t.test('RFC 7296 §2.8.2: the Delete of the old IKE SA is the last request on it', async t => {
  const lab = up()
  const spi = saOf(lab, lab.a).spiInitiator
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(5000)
  const old = lab.sent.filter(d => Wire.hex(d.bytes.slice(0, 8)) === spi && d.text.includes('request'))
  t.match(old.at(-1)?.text, /D\(IKE\)/)
  t.equal(lab.a.event('child-rekeyed').length, 1, 'the rekey of the child went by the new one')
})

t.test(
  'RFC 7296 §4, §1.3: NO_ADDITIONAL_SAS to a rekey: the IKE SA is closed and a new one made',
  async t => {
    const lab = up()
    const spi = saOf(lab, lab.a).spiInitiator
    tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
      resealed(bytes, [Wire.notify(NOTIFY.NO_ADDITIONAL_SAS)]),
    )
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(6000)
    t.not(saOf(lab, lab.a).spiInitiator, spi)
    t.same(pairOf(lab), [1, 1])
  },
)

t.test(
  'RFC 7296 §2.8.3: reauthentication makes new children, without REKEY_SA, before the old go',
  async t => {
    const lab = up()
    const [old] = lab.a.children.keys()
    const from = lab.a.effects.length
    lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
    lab.run(5000)
    t.notOk(lab.sent.some(d => d.text.includes('REKEY_SA')))
    const steps = lab.a.effects
      .slice(from)
      .flatMap(e => (e.do === 'child-install' || e.do === 'child-remove' ? [e.do] : []))
    t.same(steps, ['child-install', 'child-remove'])
    t.notOk(lab.a.children.has(old ?? 0))
    t.match(lab.exchanges().at(-2), 'A > INFORMATIONAL request 2 {D(IKE)}')
    t.same(pairOf(lab), [1, 1])
  },
)

t.test(
  'RFC 7296 §2.8.3: who answers the Delete of what was replaced sends on the new child before, and the answer follows behind',
  async t => {
    const lab = up()
    const from = lab.b.effects.length
    lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
    lab.run(5000)
    const after = lab.b.effects.slice(from)
    const use = after.findIndex(e => e.do === 'child-use')
    const steps = after
      .slice(use)
      .flatMap(e => (e.do === 'report' ? [] : [e.do === 'send' && e.behindEsp ? 'send behind ESP' : e.do]))
    t.same(steps.slice(0, 3), ['child-use', 'send behind ESP', 'child-remove'])
    t.equal(after.filter(e => e.do === 'send' && e.behindEsp).length, 1, 'nothing else waits')
  },
)

t.test('RFC 7296 §2.8.3: the Delete of what was replaced follows behind ESP too, once', async t => {
  const lab = up()
  const from = lab.a.effects.length
  lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
  lab.run(5000)
  const behind = lab.a.effects.slice(from).filter(e => e.do === 'send' && e.behindEsp)
  t.equal(behind.length, 1)
  t.match(lab.exchanges().at(-2), 'A > INFORMATIONAL request 2 {D(IKE)}')
  const rekeyed = lab.a.effects.length
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(10_000)
  const later = lab.a.effects.slice(rekeyed).filter(e => e.do === 'send')
  t.ok(
    later.length >= 2 && later.every(e => e.behindEsp === undefined),
    'a rekeyed IKE SA leaves its children',
  )
})

t.test('RFC 7296 §1.4.1: the Delete of the only session is answered at once', async t => {
  const lab = up()
  const from = lab.b.effects.length
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.run(2000)
  const sent = lab.b.effects.slice(from).filter(e => e.do === 'send')
  t.notOk(lab.a.effects.some(e => e.do === 'send' && e.behindEsp))
  t.ok(sent.length > 0 && sent.every(e => e.behindEsp === undefined))
})

t.test('RFC 7296 §1.4.1: a child that the peer half-closed is refused both ways: the pair goes', async t => {
  const lab = up()
  const [child] = lab.b.children.values()
  say(lab, lab.a, [{ type: 'D', protocol: 3, spis: [Wire.uint32(child?.spiOut ?? 0)] }])
  t.notOk(lab.b.children.has(child?.spiIn ?? 0))
  t.equal(lab.b.outbound, undefined)
})

t.test('RFC 7296 §2.21: an error in a response is cleaned up, and not answered', async t => {
  const lab = up()
  tamper(lab, 'B CREATE_CHILD_SA response', bytes => resealed(bytes, [Wire.notify(NOTIFY.TS_UNACCEPTABLE)]))
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(1100)
  t.same(
    lab.sent.filter(d => d.sender === 'A').map(d => d.text.slice(0, 31)),
    ['CREATE_CHILD_SA request 2 {N(RE'],
  )
  t.equal(lab.a.children.size, 1)
  t.equal(hand(lab, lab.a, forge(lab, lab.b, [])).length, 1)
})
