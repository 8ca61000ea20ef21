import { type Instant, instant, millis } from '@brunel/base'
import t from 'tap'
import { up } from './forge.js'
import type { Lab } from './lab.js'

/** The data path of A reports once a second: it sends all the time, and hears `heard`. */
function traffic(lab: Lab, from: number, until: number, heard: (now: number) => number): void {
  for (let at = from; at <= until; at += 1000)
    lab.at(instant(at), () => {
      const lastIn = instant(heard(at)) as Instant
      lab.feed(lab.a, { on: 'child-activity', peer: 'B', lastIn, lastOut: instant(at - 50) })
    })
}

t.test('RFC 7296 §2.4: a peer that falls silent under traffic is noticed within 10 s', async t => {
  for (const death of [5000, 5100, 5900]) {
    const lab = up()
    lab.rule = d => (d.sender === 'B' ? [] : undefined)
    traffic(lab, 2000, 30000, at => Math.min(at - 20, death))
    lab.run(30000)
    const [down] = lab.a.event('ike-down')
    t.match(down?.why, { code: 'BRUNEL_IKE_PEER_LOST' })
    t.ok((down?.at ?? 0) - death <= 10000, `noticed ${(down?.at ?? 0) - death} ms after`)
    t.equal(lab.a.children.size, 0, 'the child goes with it: RFC 7296 §1.4')
  }
})

t.test('RFC 7296 §2.4: the check is an empty INFORMATIONAL, and the peer answers it', async t => {
  const lab = up()
  lab.run(7200)
  t.strictSame(lab.exchanges(), ['B > INFORMATIONAL request 0 {}', 'A > INFORMATIONAL response 0 {}'])
})

t.test('RFC 7296 §2.4: who hears fresh ESP asks nothing', async t => {
  const lab = up()
  traffic(lab, 2000, 20000, at => at - 20)
  for (let at = 2000; at <= 20000; at += 1000)
    lab.at(instant(at), () => {
      const lastIn = instant(at - 20)
      lab.feed(lab.b, { on: 'child-activity', peer: 'A', lastIn, lastOut: lastIn })
    })
  lab.run(20000)
  t.strictSame(lab.ladder, [])
})

t.test('RFC 7296 §2.4: ESP that goes one way only is a reason to ask, and no reason to give up', async t => {
  const lab = up()
  traffic(lab, 2000, 30000, () => 1000)
  lab.run(30000)
  t.ok(lab.exchanges().filter(line => line === 'A > INFORMATIONAL request 2 {}').length === 1)
  t.strictSame(lab.a.event('ike-down'), [])
})

t.test('RFC 7296 §2.4: a rekey in flight to a silent peer does not delay the discovery', async t => {
  const lab = up()
  lab.rule = d => (d.sender === 'B' ? [] : undefined)
  lab.at(instant(5000), () => lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' }))
  traffic(lab, 2000, 30000, at => Math.min(at - 20, 5000))
  lab.run(30000)
  const [down] = lab.a.event('ike-down')
  t.ok((down?.at ?? Number.POSITIVE_INFINITY) <= 15000, `at ${down?.at}`)
})

t.test('RFC 7296 §2.4: a bad line is not a dead peer: messages come, only the answers get lost', async t => {
  const lab = up()
  lab.rule = d => (d.sender === 'B' && d.text.startsWith('CREATE_CHILD_SA response') ? [] : undefined)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  traffic(lab, 2000, 60000, at => at - 20)
  lab.run(60000)
  t.strictSame(lab.a.event('ike-down'), [])
  lab.rule = () => undefined
  lab.run(75000)
  t.equal(lab.a.event('child-rekeyed').length, 1, lab.ladder.join('\n'))
})

t.test(
  'RFC 7296 §2.4, §2.21.4: an unprotected INVALID_IKE_SPI makes us ask, and changes nothing',
  async t => {
    const lab = up()
    const before = JSON.stringify(lab.a.ike.report('B'))
    const { spiInitiator, spiResponder } = lab.a.ike.report('B')?.sas[0] ?? {
      spiInitiator: '',
      spiResponder: '',
    }
    const { Ike: Wire } = await import('@brunel/wire')
    const hint = Wire.emitMessage(
      {
        spiInitiator: spiInitiator as never,
        spiResponder: spiResponder as never,
        exchangeType: Wire.EXCHANGE.INFORMATIONAL,
        initiator: false,
        response: true,
        messageId: 7,
      },
      [Wire.notify(Wire.NOTIFY.INVALID_IKE_SPI)],
    )
    for (let i = 0; i < 20; i++)
      lab.feed(lab.a, {
        on: 'datagram',
        bytes: hint,
        local: { address: '192.0.2.1', port: 500 },
        remote: { address: '203.0.113.9', port: 500 },
      })
    t.equal(JSON.stringify(lab.a.ike.report('B')), before)
    lab.run(2000)
    t.strictSame(
      lab.exchanges(),
      ['A > INFORMATIONAL request 2 {}', 'B > INFORMATIONAL response 2 {}'],
      'once',
    )
  },
)

t.test('RFC 7296 §2.4: a restarted peer that only answers is found and met again', async t => {
  const lab = up()
  lab.restart(lab.b, 99)
  const { peerFor } = await import('./lab.js')
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { initiate: false }) })
  lab.run(16000)
  t.equal(lab.a.children.size, 1)
  t.equal(lab.b.children.size, 1)
  t.ok(millis(lab.b.event('ike-up')[0]?.at ?? 99999) < 15000)
})
