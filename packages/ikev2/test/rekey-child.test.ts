import t from 'tap'
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
