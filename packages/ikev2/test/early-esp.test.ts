import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { NOTIFY, tamper, up } from './forge.js'
import { Lab, type Router } from './lab.js'
import { resealed } from './wire-tap.js'

/** What the data path is told of SPIs that the peer may use before their keys are here, and what ends it. */
const told = (router: Router, from = 0): readonly string[] =>
  router.effects.slice(from).flatMap(effect => {
    if (effect.do === 'esp-spi') return [effect.ours ? 'expect' : 'forget']
    return effect.do === 'child-install' || effect.do === 'send' ? [effect.do] : []
  })

t.test('RFC 7296 §2.8: an SPI is expected before the request that announces it leaves', async t => {
  const lab = new Lab()
  lab.both({}, { initiate: false })
  lab.run(1000)
  t.same(told(lab.a), ['send', 'expect', 'send', 'child-install'])
  t.same(told(lab.b), ['send', 'child-install', 'send'], 'the responder has the keys before it answers')
  const [expected] = lab.a.effects.filter(effect => effect.do === 'esp-spi')
  t.same(expected?.spi, [...lab.a.children.keys()][0])
})

t.test('RFC 7296 §2.8: so it is when a child is rekeyed, and when a session is made anew', async t => {
  for (const ask of [
    { on: 'rekey', peer: 'B', what: 'child' },
    { on: 'reauthenticate', peer: 'B' },
  ] as const) {
    const lab = up()
    const [a, b] = [lab.a.effects.length, lab.b.effects.length]
    lab.feed(lab.a, ask)
    lab.run(5000)
    const of = told(lab.a, a)
    t.same(
      of.filter(step => step !== 'send'),
      ['expect', 'child-install'],
    )
    t.equal(of[of.indexOf('expect') + 1], 'send')
    t.notOk(told(lab.b, b).includes('expect'))
  }
})

t.test('an SPI that comes to nothing is told too', async t => {
  const lab = up()
  tamper(lab, 'B CREATE_CHILD_SA response', bytes => resealed(bytes, [Wire.notify(NOTIFY.TS_UNACCEPTABLE)]))
  const from = lab.a.effects.length
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(2000)
  t.same(
    told(lab.a, from).filter(step => step !== 'send'),
    ['expect', 'forget'],
  )
})

t.test('a child that was installed is not told again when it goes', async t => {
  const lab = up()
  const from = lab.a.effects.length
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.run(2000)
  t.equal(lab.a.children.size, 0)
  t.notOk(told(lab.a, from).includes('forget'))
})
