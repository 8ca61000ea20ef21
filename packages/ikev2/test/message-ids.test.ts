import { Ike as Wire } from '@brunel/wire'
import t, { type Test } from 'tap'
import { SPEC } from '../src/settings.js'
import { forge, hand, NOTIFY, saOf, up } from './forge.js'

/** 2^32 exchanges take too long to look at: here a Message ID ends sooner. */
const spec = SPEC as { LAST_MESSAGE_ID: number }
const real = spec.LAST_MESSAGE_ID
const endsSoon = (t: Test): void => {
  spec.LAST_MESSAGE_ID = 9
  t.teardown(() => {
    spec.LAST_MESSAGE_ID = real
  })
}

t.test('RFC 7296 §2.2: the IKE SA is rekeyed long before its Message IDs are used up', async t => {
  endsSoon(t)
  const lab = up()
  for (let i = 1; i <= 3; i++) {
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(1000 + i * 2000)
  }
  t.equal(lab.a.event('ike-rekeyed').length, 1)
  t.same([lab.a.children.size, lab.b.children.size], [1, 1])
})

t.test(
  'RFC 7296 §2.2: where it could not be rekeyed it is closed, and no Message ID comes twice',
  async t => {
    endsSoon(t)
    const lab = up()
    const spi = saOf(lab, lab.a).spiInitiator
    lab.rule = d => {
      if (d.sender !== 'A' || !d.text.startsWith('CREATE_CHILD_SA request')) return undefined
      const messageId = Number(d.text.split(' ')[2])
      const saying = { exchange: Wire.EXCHANGE.CREATE_CHILD_SA, response: true, messageId }
      const bytes = forge(lab, lab.b, [Wire.notify(NOTIFY.NO_PROPOSAL_CHOSEN)], saying)
      lab.at((lab.now + 1) as never, () => hand(lab, lab.a, bytes))
      return []
    }
    for (let i = 1; i <= 12; i++) {
      lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
      lab.run(1000 + i * 100)
    }
    const ids = lab.sent
      .filter(d => d.sender === 'A' && d.text.includes(' request ') && Wire.hex(d.bytes.slice(0, 8)) === spi)
      .map(d => Number(d.text.split(' ')[2]))
    t.same(ids, [2, 3, 4, 5, 6, 7, 8, 9])
    t.not(lab.a.ike.report('B')?.sas[0]?.spiInitiator, spi)
  },
)
