import t from 'tap'
import { up } from './forge.js'
import { Lab, type LabOptions, peerFor, Router } from './lab.js'

/** A behind a NAT that gives other ports. */
const behind: LabOptions = {
  nat: { inside: '192.0.2.1', outside: '203.0.113.1', port: port => port + 30000 },
}
const natted = (change = {}, onlyB = {}): Lab => {
  const lab = new Lab(behind)
  lab.both(change, { remoteAddress: undefined, ...onlyB })
  lab.run(1000)
  return lab
}

t.test('RFC 4301 §4.4.3.4: behind a NAT the peer names its own address for GRE, and gets it', async t => {
  const [child] = natted().b.children.values()
  t.match(child?.remoteSelectors, [{ protocol: 47, startAddress: '192.0.2.1', endAddress: '192.0.2.1' }])
})

t.test('RFC 3948 §5.1, RFC 7296 §5.1: behind a NAT nobody gets the address of another peer', async t => {
  const lab = new Lab(behind)
  const third = new Router('C', '192.0.2.1', { seed: 9, settings: {}, crypto: lab.crypto })
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, third, { initiate: false }) })
  lab.both({}, { remoteAddress: undefined })
  lab.run(900)
  t.equal(lab.b.children.size, 0)
  t.match(lab.b.event('failed')[0], { peer: 'A', why: { code: 'BRUNEL_IKE_TS_DIFFER' } })
})

t.test('RFC 7296 §2.23: encapsulation "none" and a NAT: refused, and told in words', async t => {
  const lab = natted({ encapsulation: 'none' }, { encapsulation: 'auto' })
  t.equal(lab.a.children.size, 0)
  t.match(lab.a.event('failed')[0]?.why, { code: 'BRUNEL_IKE_NAT_REFUSED', remedy: /auto/ })
  const other = natted({ encapsulation: 'auto' }, { encapsulation: 'none' })
  t.equal(other.b.children.size, 0)
  t.match(other.b.event('failed')[0]?.why, { code: 'BRUNEL_IKE_NAT_REFUSED' })
})

for (const [a, b, got] of [
  ['transport', 'transport', 'transport'],
  ['transport', 'tunnel', 'tunnel'],
  ['tunnel', 'transport', 'tunnel'],
] as const) {
  t.test(`RFC 7296 §1.3.1: A wants ${a} mode, B ${b} mode: ${got} mode on both sides`, async t => {
    const lab = up({}, { mode: a }, { mode: b })
    for (const [router, wanted] of [
      [lab.a, a],
      [lab.b, b],
    ] as const) {
      const [child] = router.children.values()
      t.equal(child?.mode, got)
      t.equal(
        child?.modeReason === undefined,
        wanted === got,
        'and the reason, where it is not what was wanted',
      )
    }
  })
}
