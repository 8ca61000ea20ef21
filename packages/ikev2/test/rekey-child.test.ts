import { type EspProposal, parseEspProposal } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { offerEsp } from '../src/proposals.js'
import { greSelector } from '../src/selectors.js'
import { EXCHANGE, up as forged, NOTIFY, say } from './forge.js'
import { Lab } from './lab.js'

const up = (lab: Lab): void => {
  lab.both()
  lab.run(1000)
  lab.ladder.length = 0
}
const one = (lab: Lab): readonly [number, number] => [lab.a.children.size, lab.b.children.size]

t.test('RFC 7296 §2.8: a child is rekeyed: install, answer, switch, delete', async t => {
  const lab = new Lab()
  up(lab)
  const [old] = lab.a.children.keys()
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(2000)
  t.strictSame(
    lab.exchanges().map(line => line.replace(/\([0-9a-f]{8}\)/, '(spi)')),
    [
      'A > CREATE_CHILD_SA request 2 {N(REKEY_SA), SA, NONCE, KE, TSi, TSr}',
      'B > CREATE_CHILD_SA response 2 {SA, NONCE, KE, TSi, TSr}',
      'A > INFORMATIONAL request 3 {D(spi)}',
      'B > INFORMATIONAL response 3 {D(spi)}',
    ],
  )
  t.strictSame(one(lab), [1, 1])
  t.notOk(lab.a.children.has(old as number))
  t.equal(lab.a.outbound, [...lab.a.children.keys()][0])
  t.equal(lab.b.outbound, [...lab.b.children.keys()][0])
})

t.test('RFC 7296 §2.8.1: both rekey at once; one child survives, and the old one goes', async t => {
  for (let seed = 1; seed < 40; seed++) {
    const lab = new Lab({ seed })
    up(lab)
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
    lab.run(3000)
    t.strictSame(one(lab), [1, 1], `seed ${seed}`)
    t.equal([...lab.a.children.values()][0]?.spiOut, [...lab.b.children.keys()][0])
    t.equal(lab.a.outbound, [...lab.a.children.keys()][0])
    t.equal(lab.b.outbound, [...lab.b.children.keys()][0])
    const redundant = [lab.a, lab.b].map(r => r.event('rekey-crossed').map(e => `${e.what} ${e.redundant}`))
    t.same(redundant.flat().sort(), ['child ours', 'child theirs'], 'each end says whose SA was redundant')
    for (const r of lab.routers) t.equal(r.event('rekey-begun').length, 1)
  }
})

t.test('RFC 7296 §2.8.2: the IKE SA is rekeyed; the child stays', async t => {
  const lab = new Lab()
  up(lab)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(2000)
  t.strictSame(lab.exchanges(), [
    'A > CREATE_CHILD_SA request 2 {SA, NONCE, KE}',
    'B > CREATE_CHILD_SA response 2 {SA, NONCE, KE}',
    'A > INFORMATIONAL request 3 {D(IKE)}',
    'B > INFORMATIONAL response 3 {}',
  ])
  t.strictSame(one(lab), [1, 1])
  t.equal(lab.a.ike.report('B')?.sas.length, 1)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  lab.run(3000)
  t.strictSame(one(lab), [1, 1])
})

t.test('RFC 7296 §2.8.2: both rekey the IKE SA at once; one survives with the child', async t => {
  for (let seed = 1; seed < 40; seed++) {
    const lab = new Lab({ seed })
    up(lab)
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' })
    lab.run(3000)
    t.strictSame(one(lab), [1, 1], `seed ${seed}`)
    t.equal(lab.a.ike.report('B')?.sas.length, 1)
    t.equal(lab.b.ike.report('A')?.sas.length, 1)
    t.equal(lab.a.ike.report('B')?.sas[0]?.spiInitiator, lab.b.ike.report('A')?.sas[0]?.spiInitiator)
  }
})

t.test('RFC 7296 §2.8: both begin from cold at once and converge to one IKE SA and one child', async t => {
  for (let seed = 1; seed < 40; seed++) {
    const lab = new Lab({ seed })
    lab.both({}, { initiate: true })
    lab.run(20000)
    t.strictSame(one(lab), [1, 1], `seed ${seed}`)
    t.equal(lab.a.ike.report('B')?.sas.length, 1)
    t.equal(lab.b.ike.report('A')?.sas.length, 1)
  }
})

t.test(
  'RFC 7296 §2.8.1: of two sessions that crossed the one with the lowest nonce is closed by its maker',
  async t => {
    for (const [low, survivor] of [
      ['a', 'b'],
      ['b', 'a'],
    ] as const) {
      const lab = new Lab()
      for (const name of ['a', 'b'] as const) {
        const octet = name === low ? 1 : 2
        lab[name].random.nonces.push(new Uint8Array(32).fill(octet), new Uint8Array(32).fill(octet + 8))
      }
      // Neither yields before both have answered.
      lab.rule = () => [100]
      lab.both({}, { initiate: true })
      lab.run(2000)
      t.equal(lab.a.ike.report('B')?.sas.length, 2)
      lab.run(6000)
      t.equal(lab.a.ike.report('B')?.sas.length, 1)
      t.equal(lab[survivor].ike.report(lab.other(lab[survivor]).name)?.sas[0]?.initiator, true)
      t.strictSame(one(lab), [1, 1])
    }
  },
)

t.test('RFC 7296 §2.8: at the hard limit of the IKE SA it is closed, and all begins anew', async t => {
  const lab = new Lab()
  lab.both({ ikeLifetime: 31_000 }, { ikeLifetime: 3600_000 })
  lab.run(1000)
  lab.rule = d => (d.text.startsWith('CREATE_CHILD_SA') ? [] : undefined)
  lab.run(30_990)
  t.strictSame(lab.a.event('ike-down'), [])
  lab.run(33_000)
  t.match(lab.a.event('ike-down'), [{ why: { code: 'BRUNEL_IKE_EXPIRED' } }])
  t.equal(lab.a.event('ike-up').length, 2)
  t.strictSame(one(lab), [1, 1])
})

t.test(
  'RFC 7296 §1.4.1: what comes back for a session that was closed meanwhile is not installed',
  async t => {
    const lab = new Lab()
    up(lab)
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.feed(lab.a, { on: 'down', peer: 'B' })
    lab.run(3000)
    t.strictSame(one(lab), [0, 0])
    t.equal(lab.a.spis.size, 0)
  },
)

t.test('RFC 7296 §2.8: a successor that was made for a closed session is deleted too', async t => {
  const lab = new Lab()
  up(lab)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.run(3000)
  t.strictSame(one(lab), [0, 0])
  for (const r of lab.routers) t.equal(r.spis.size, 0, r.name)
})

t.test('RFC 7296 §2.25.1: a child that the peer may not know yet is not rekeyed at once', async t => {
  const lab = new Lab()
  up(lab)
  lab.rule = (d, nth) => (d.text.startsWith('CREATE_CHILD_SA response') && nth === 1 ? [] : undefined)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
  lab.run(1020)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(6000)
  t.notOk(lab.ladder.some(line => /NOT_FOUND|TEMPORARY/.test(line)))
  t.strictSame(one(lab), [1, 1])
  t.equal(lab.a.event('child-rekeyed').length, 2)
})

t.test(
  'RFC 7296 §2.25: it may be the child whose answer is under way: TEMPORARY_FAILURE, not CHILD_SA_NOT_FOUND',
  async t => {
    const lab = forged()
    lab.rule = () => []
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
    const [answer] = say(
      lab,
      lab.a,
      [
        Wire.notifyChild(NOTIFY.REKEY_SA, 0xdeadbeef),
        offerEsp([parseEspProposal('aes256gcm16-esn') as EspProposal], Uint8Array.of(1, 2, 3, 4), 'esp'),
        { type: 'NONCE', data: new Uint8Array(32).fill(7) },
        { type: 'TSi', selectors: [greSelector('192.0.2.1')] },
        { type: 'TSr', selectors: [greSelector('192.0.2.2')] },
      ],
      { exchange: EXCHANGE.CREATE_CHILD_SA },
    )
    t.match(answer?.text, /TEMPORARY_FAILURE/)
  },
)
