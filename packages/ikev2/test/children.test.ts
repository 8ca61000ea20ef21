import { type Instant, instant } from '@brunel/base'
import { type EspProposal, parseEspProposal } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import type { IkeEffect, TrafficSelector } from '../src/index.js'
import { offerEsp } from '../src/proposals.js'
import { greSelector, hostSelector } from '../src/selectors.js'
import { EXCHANGE, forge, hand, NOTIFY, rewritten, say, tamper, up } from './forge.js'
import { Lab, type Router } from './lab.js'
import { inside, resealed, resealedRaw } from './wire-tap.js'

const child = (r: Router) => [...r.children.values()][0]
const A = '192.0.2.1'
const B = '192.0.2.2'
const range = (startAddress: string, endAddress: string, protocol = 0): TrafficSelector => ({
  ...hostSelector(protocol, startAddress),
  endAddress,
})
const request = (...extra: readonly Wire.PlainPayload[]): readonly Wire.PlainPayload[] => [
  ...extra,
  offerEsp([parseEspProposal('aes256gcm16-esn') as EspProposal], Uint8Array.of(1, 2, 3, 4), 'esp'),
  { type: 'NONCE', data: new Uint8Array(32).fill(7) },
]
const ts = (
  tsi: readonly TrafficSelector[],
  tsr: readonly TrafficSelector[],
): readonly Wire.PlainPayload[] => [
  { type: 'TSi', selectors: tsi },
  { type: 'TSr', selectors: tsr },
]
const NO_PFS = { esp: ['aes256gcm16-esn'] }
const order = (effects: readonly IkeEffect[]): readonly string[] =>
  effects
    .filter(e => e.do !== 'report')
    .map(e => (e.do === 'child-install' ? `install ${e.outbound ? 'both ways' : 'inbound'}` : e.do))

t.test(
  'RFC 7296 §2.8: the responder receives on the new child before it answers, and sends on the old one still',
  async t => {
    const lab = up()
    const old = lab.b.outbound
    let seen: readonly IkeEffect[] = []
    const deliver = lab.deliver.bind(lab)
    lab.deliver = d => {
      const from = lab.b.effects.length
      deliver(d)
      if (d.text.startsWith('CREATE_CHILD_SA request')) {
        seen = lab.b.effects.slice(from)
        t.equal(lab.b.outbound, old)
      }
    }
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(1015)
    t.strictSame(order(seen), ['install inbound', 'send'])
    const [, fresh] = lab.b.children.keys()
    t.match(lab.feed(lab.b, { on: 'child-used', peer: 'A', spiIn: fresh as number }), [
      { do: 'child-use', spiIn: fresh },
    ])
  },
)

t.test(
  'RFC 7296 §2.8: the initiator sends on the new child at once, and receives on the old one until Delete',
  async t => {
    const lab = up()
    const [old] = lab.a.children.keys()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    const from = lab.a.effects.length
    lab.run(1021)
    t.strictSame(order(lab.a.effects.slice(from)), ['install both ways', 'send'])
    t.ok(lab.a.children.has(old as number))
    lab.run(1100)
    const removed = lab.a.effects.find(e => e.do === 'child-remove')
    t.match(removed, { spiIn: old, grace: 5000 })
  },
)

t.test(
  'RFC 7296 §1.3.3: REKEY_SA names the inbound SPI of the requester, protocol 3, without data',
  async t => {
    const lab = up()
    const old = child(lab.a)?.spiIn as number
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    const rekey = Wire.findNotify(inside(lab.sent.at(-1)?.bytes ?? new Uint8Array()), NOTIFY.REKEY_SA)
    t.match(rekey, { protocol: 3 })
    t.equal(Wire.readUint32(rekey?.spi ?? new Uint8Array(4), 0), old)
    t.equal(rekey?.data.length, 0)
  },
)

t.test('RFC 7296 §1.3.2: a rekey of the IKE SA carries KE and a new SPI of 8 octets, and no TS', async t => {
  const lab = up()
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  const payloads = inside(lab.sent.at(-1)?.bytes ?? new Uint8Array())
  t.strictSame(
    payloads.map(p => p.type),
    ['SA', 'NONCE', 'KE'],
  )
  t.ok(Wire.find(payloads, 'SA')?.proposals.every(p => p.spi.length === 8))
})

t.test(
  'RFC 7296 §2.9: an offer is narrowed to GRE between the two hosts; nothing in common: TS_UNACCEPTABLE',
  async t => {
    for (const [name, tsi, tsr, want] of [
      ['GRE host to host', [greSelector(A)], [greSelector(B)], true],
      ['any protocol, host to host', [hostSelector(0, A)], [hostSelector(0, B)], true],
      ['everything', [range('0.0.0.0', '255.255.255.255')], [range('0.0.0.0', '255.255.255.255')], true],
      [
        'the packet first, then the rest',
        [greSelector(A), range('0.0.0.0', '255.255.255.255')],
        [greSelector(B), range('0.0.0.0', '255.255.255.255')],
        true,
      ],
      ['TCP', [hostSelector(6, A)], [hostSelector(6, B)], false],
      ['somebody else', [greSelector('198.51.100.9')], [greSelector(B)], false],
      ['for somebody else', [greSelector(A)], [greSelector('198.51.100.9')], false],
    ] as const) {
      const lab = up({}, NO_PFS)
      const [answer] = say(lab, lab.a, [...request(), ...ts(tsi, tsr)], {
        exchange: EXCHANGE.CREATE_CHILD_SA,
      })
      const payloads = inside(answer?.bytes ?? new Uint8Array())
      if (want) {
        const selectors = payloads.flatMap(p => (p.type === 'TSi' || p.type === 'TSr' ? [p.selectors] : []))
        t.strictSame(selectors, [[greSelector(A)], [greSelector(B)]], name)
      } else t.ok(Wire.findNotify(payloads, NOTIFY.TS_UNACCEPTABLE), name)
    }
  },
)

t.test(
  'RFC 7296 §2.9, §2.23.1: a reply that is wider than the offer is refused, and the child deleted',
  async t => {
    const lab = up()
    tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
      resealed(
        bytes,
        inside(bytes).map(p =>
          p.type === 'TSi' ? { ...p, selectors: [range('0.0.0.0', '255.255.255.255')] } : p,
        ) as Wire.PlainPayload[],
      ),
    )
    const [old] = lab.a.children.keys()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(1500)
    t.match(lab.a.event('failed')[0]?.why, { code: 'BRUNEL_IKE_TS_DIFFER' })
    t.strictSame([...lab.a.children.keys()], [old])
    t.match(lab.exchanges(), [
      /request 2/,
      /response 2/,
      /^A > INFORMATIONAL request 3 {D\([0-9a-f]{8}\)}/,
      /response 3/,
    ])
    t.equal(lab.b.children.size, 1)
  },
)

t.test(
  'RFC 7296 §2.9.2: a rekey asks for the selectors in use, and the responder never narrows below them',
  async t => {
    const lan = (x: number): TrafficSelector => range(`10.${x}.0.0`, `10.${x}.255.255`)
    const lab = up(
      {},
      { selectors: { local: [lan(1)], remote: [lan(2)] }, ...NO_PFS },
      { selectors: { local: [range('10.2.3.0', '10.2.3.255')], remote: [lan(1)] } },
    )
    t.strictSame(child(lab.a)?.remoteSelectors, [range('10.2.3.0', '10.2.3.255')])
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    const payloads = inside(lab.sent.at(-1)?.bytes ?? new Uint8Array())
    t.match(
      payloads.find(p => p.type === 'TSr'),
      { selectors: [range('10.2.3.0', '10.2.3.255')] },
    )
    lab.run(2000)
    const spi = child(lab.a)?.spiIn as number
    const rekey = Wire.notifyChild(NOTIFY.REKEY_SA, spi)
    const narrower = ts([range('10.1.1.0', '10.1.1.255')], [range('10.2.3.0', '10.2.3.255')])
    const [answer] = say(lab, lab.a, [...request(rekey), ...narrower], {
      exchange: EXCHANGE.CREATE_CHILD_SA,
      messageId: 4,
    })
    t.match(answer?.text, /TS_UNACCEPTABLE/)
  },
)

t.test(
  'RFC 7296 §2.25.1: a rekey of a child that nobody has: CHILD_SA_NOT_FOUND with the SPI of the request',
  async t => {
    const lab = up({}, NO_PFS)
    const rekey = Wire.notifyChild(NOTIFY.REKEY_SA, 0xdeadbeef)
    const payloads = [...request(rekey), ...ts([greSelector(A)], [greSelector(B)])]
    const [answer] = say(lab, lab.a, payloads, { exchange: EXCHANGE.CREATE_CHILD_SA })
    const found = Wire.findNotify(inside(answer?.bytes ?? new Uint8Array()), NOTIFY.CHILD_SA_NOT_FOUND)
    t.match(found, { protocol: 3 })
    t.equal(Wire.hex(found?.spi ?? new Uint8Array()), 'deadbeef')
  },
)

t.test(
  'RFC 7296 §2.25: CHILD_SA_NOT_FOUND: the child is dropped here without a Delete, and made anew',
  async t => {
    const lab = up()
    const [old] = lab.a.children.keys()
    // B loses it as if the Delete had been lost for good.
    const spi = child(lab.b)?.spiIn as number
    say(lab, lab.a, [{ type: 'D', protocol: 3, spis: [Wire.uint32(old as number)] }], { messageId: 2 })
    t.notOk(lab.b.children.has(spi))
    lab.ladder.length = 0
    const fresh = up({ seed: 5 })
    tamper(fresh, 'B CREATE_CHILD_SA response', bytes =>
      resealed(bytes, [Wire.notifyChild(NOTIFY.CHILD_SA_NOT_FOUND, 1)]),
    )
    const [dead] = fresh.a.children.keys()
    fresh.feed(fresh.a, { on: 'rekey', peer: 'B', what: 'child' })
    fresh.run(1500)
    t.notOk(fresh.a.children.has(dead as number))
    t.equal(fresh.a.children.size, 1)
    t.notOk(fresh.exchanges().some(line => line.startsWith('A > INFORMATIONAL')))
  },
)

t.test(
  'RFC 7296 §2.25: TEMPORARY_FAILURE: never at once, with jitter, and the IKE SA goes after minutes',
  async t => {
    const lab = up()
    // B is asked nothing, so that its window moves, and never agrees.
    lab.rule = d => {
      if (!d.text.startsWith('CREATE_CHILD_SA request')) return undefined
      const messageId = Number(/request (\d+)/.exec(d.text)?.[1])
      const refusal = forge(lab, lab.b, [Wire.notify(NOTIFY.TEMPORARY_FAILURE)], {
        exchange: EXCHANGE.CREATE_CHILD_SA,
        response: true,
        messageId,
      })
      const nothing = forge(lab, lab.a, [], { messageId })
      lab.at(instant(lab.now + 10), () => {
        hand(lab, lab.b, nothing)
        hand(lab, lab.a, refusal)
      })
      return []
    }
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
    lab.run(400_000)
    const tries = lab.ladder
      .filter(line => /A x CREATE_CHILD_SA/.test(line) && Number.parseInt(line, 10) < 150_000)
      .map(line => Number.parseInt(line, 10))
    const waits = tries.slice(1).map((at, i) => at - (tries[i] as number))
    t.ok(Math.min(...waits) >= 1000)
    t.ok(new Set(waits).size > 5, `jitter: ${waits}`)
    const [down] = lab.a.event('ike-down')
    t.match(down?.why, { code: 'BRUNEL_IKE_OUT_OF_STEP' })
    t.ok((down?.at ?? 0) >= 180_000)
  },
)

t.test(
  'RFC 7296 §4, §1.3: NO_ADDITIONAL_SAS to a rekey: a new IKE SA with a new child replaces the old one',
  async t => {
    const lab = up()
    tamper(lab, 'B CREATE_CHILD_SA response', bytes =>
      resealed(bytes, [Wire.notify(NOTIFY.NO_ADDITIONAL_SAS)]),
    )
    const [old] = lab.a.children.keys()
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(3000)
    t.notOk(lab.a.children.has(old as number))
    t.equal(lab.a.children.size, 1)
  },
)

t.test(
  'RFC 7296 §2.8: without a successor the hard limit stops the traffic, and all begins anew',
  async t => {
    const lab = up({}, { espLifetime: 30_000 }, { espLifetime: 3600_000 })
    const [old] = lab.a.children.keys()
    lab.rule = d => (d.text.startsWith('CREATE_CHILD_SA request') ? [] : undefined)
    const hard = (child(lab.a) && 30_000) as number
    lab.run(hard + 100)
    t.notOk(lab.a.children.has(old as number))
    t.ok(lab.a.event('ike-down').length === 1)
    lab.run(hard + 2000)
    t.equal(lab.a.children.size, 1)
  },
)

t.test('RFC 4301 §4.4.2.1, RFC 7296 §2.8: the first limit to come counts: bytes and packets too', async t => {
  for (const why of ['bytes', 'packets', 'sequence'] as const) {
    const lab = up()
    const spiIn = child(lab.a)?.spiIn as number
    lab.feed(lab.a, { on: 'child-limit', peer: 'B', spiIn, limit: 'soft', why })
    lab.run(1500)
    t.equal(lab.a.event('child-rekeyed').length, 1)
    const next = child(lab.a)?.spiIn as number
    lab.feed(lab.a, { on: 'child-limit', peer: 'B', spiIn: next, limit: 'hard', why })
    t.notOk(lab.a.children.has(next))
  }
})

t.test('RFC 7296 §2.8.1: lifetimes are jittered, so that the ends seldom rekey at once', async t => {
  const at = new Set<Instant | undefined>()
  for (let seed = 1; seed <= 10; seed++) at.add(up({ seed }).a.ike.report('B')?.sas[0]?.children[0]?.rekeyAt)
  t.equal(at.size, 10)
})

t.test(
  'RFC 7296 §2.25.2: a child is asked for while the IKE SA is rekeyed: TEMPORARY_FAILURE; a Delete as usual',
  async t => {
    const lab = up({}, NO_PFS)
    lab.rule = () => []
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' })
    const payloads = [...request(), ...ts([greSelector(A)], [greSelector(B)])]
    const [answer] = say(lab, lab.a, payloads, { exchange: EXCHANGE.CREATE_CHILD_SA })
    t.match(answer?.text, /TEMPORARY_FAILURE/)
    const spi = child(lab.a)?.spiIn as number
    const [gone] = say(lab, lab.a, [{ type: 'D', protocol: 3, spis: [Wire.uint32(spi)] }], { messageId: 3 })
    t.match(gone?.text, /D\([0-9a-f]{8}\)/)
  },
)

t.test('RFC 7296 §2.25.2: the IKE SA is to be rekeyed while a child is: TEMPORARY_FAILURE', async t => {
  const lab = up()
  lab.rule = d => (d.sender === 'B' ? [] : undefined)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  lab.rule = () => undefined
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(1030)
  t.match(
    lab.exchanges().find(line => line.startsWith('B > CREATE_CHILD_SA response')),
    /TEMPORARY_FAILURE/,
  )
  lab.run(8000)
  t.equal(lab.a.event('ike-rekeyed').length, 1)
  t.equal(lab.a.children.size, 1)
})

t.test('RFC 7296 §2.8: parallel children with equal selectors all stay', async t => {
  const lab = up({}, NO_PFS)
  lab.run(100_000)
  const payloads = [...request(), ...ts([greSelector(A)], [greSelector(B)])]
  const b = lab.b.ike.report('A')?.sas[0]
  t.ok(b)
  lab.rule = () => []
  const messageId = 2 + lab.exchanges().filter(line => line.startsWith('A > INFORMATIONAL request')).length
  say(lab, lab.a, payloads, { exchange: EXCHANGE.CREATE_CHILD_SA, messageId })
  t.equal(lab.b.children.size, 2)
})

t.test('RFC 7296 §1.3.1: TFC padding is not sent to a peer that refuses it', async t => {
  const lab = up({}, { mode: 'transport' })
  t.equal(child(lab.a)?.tfcPadding, false)
  t.equal(child(up().a)?.tfcPadding, true)
})

t.test('RFC 7296 §2.9, §3.13.1: a start beyond the end is INVALID_SYNTAX, and ends the IKE SA', async t => {
  const lab = up({}, NO_PFS)
  const good = [...request(), ...ts([greSelector(A)], [greSelector(B)])]
  const chain = Wire.emitPayloads(good)
  // The last eight octets are the two addresses of TSr.
  chain.bytes.set([255, 255, 255, 255], chain.bytes.length - 8)
  const bytes = resealedRaw(forge(lab, lab.a, [], { exchange: EXCHANGE.CREATE_CHILD_SA }), chain)
  t.match(hand(lab, lab.b, bytes)[0]?.text, /INVALID_SYNTAX/)
  t.equal(lab.b.children.size, 0)
})

t.test(
  'RFC 7383 §2.4, §2.5.1: what is longer than 576 octets travels in fragments, both ways, if both announced',
  async t => {
    const many = Array.from({ length: 24 }, (_, i) => range(`10.${i}.0.0`, `10.${i}.255.255`))
    const selectors = { local: many, remote: many }
    const lab = up({}, { selectors })
    const auth = lab.a.effects.filter(e => e.do === 'send').map(e => e.do === 'send' && e.bytes.length)
    t.ok(auth.every(length => typeof length === 'number' && length + 28 <= 576))
    t.equal(child(lab.a)?.localSelectors.length, 24)
    const plain = new Lab()
    const strip = (bytes: Uint8Array): Uint8Array =>
      rewritten(bytes, payloads =>
        payloads.filter(p => !(p.type === 'N' && p.notifyType === NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED)),
      )
    tamper(plain, 'A IKE_SA_INIT request', strip)
    plain.both({ selectors })
    plain.run(100)
    t.notOk(plain.ladder.some(line => line.includes('SKF')))
  },
)
