import { type EspProposal, parseEspProposal } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { offerEsp } from '../src/proposals.js'
import { EXCHANGE, say, up } from './forge.js'
import { inside } from './wire-tap.js'

const espProposals = (): EspProposal[] => [parseEspProposal('aes256gcm16-x25519-esn') as EspProposal]
const esp = (...spis: number[]): Wire.DeletePayload => ({
  type: 'D',
  protocol: 3,
  spis: spis.map(Wire.uint32),
})
const ike: Wire.DeletePayload = { type: 'D', protocol: 1, spis: [] }

t.test('RFC 7296 §1.4.1, §2.25.1: an unknown SPI is answered without a Delete', async t => {
  const lab = up()
  const [answer] = say(lab, lab.a, [esp(0x12345678)])
  t.equal(answer?.text, 'INFORMATIONAL response 2 {}')
  t.equal(lab.b.children.size, 1)
})

t.test("RFC 7296 §1.4.1: a Delete lists the sender's inbound SPI, the answer the pair", async t => {
  const lab = up()
  const [a] = lab.a.children.keys()
  const [b] = lab.b.children.keys()
  const [answer] = say(lab, lab.a, [esp(a as number)])
  const [d] = Wire.all(inside(answer?.bytes ?? new Uint8Array()), 'D')
  t.strictSame(
    d?.spis.map(spi => Wire.readUint32(spi, 0)),
    [b],
  )
  t.equal(lab.b.children.size, 0)
  t.match(lab.b.event('child-down')[0]?.why, { code: 'BRUNEL_IKE_CLOSED_BY_PEER' })
})

t.test('RFC 7296 §1.4.1: deletes of one child that cross: both answers without a Delete', async t => {
  const lab = up()
  lab.rule = () => [50]
  for (const r of lab.routers) lab.feed(r, { on: 'rekey', peer: lab.other(r).name, what: 'child' })
  lab.run(1500)
  const replaced = lab.exchanges().filter(line => line.includes('INFORMATIONAL response'))
  t.ok(replaced.length >= 2)
  t.equal(lab.a.children.size, 1)
})

t.test(
  'RFC 7296 §3.11, §1.4.1: a Delete of the IKE SA has no SPI, an empty answer, and takes the children',
  async t => {
    const lab = up()
    const [answer] = say(lab, lab.a, [ike])
    t.equal(answer?.text, 'INFORMATIONAL response 2 {}')
    t.equal(lab.b.children.size, 0)
    t.equal(lab.b.ike.report('A')?.sas.length, 0)
    const down = up()
    down.feed(down.a, { on: 'down', peer: 'B' })
    const [request] = inside(down.sent[0]?.bytes ?? new Uint8Array())
    t.match(request, { type: 'D', protocol: 1, spis: [] })
  },
)

t.test('RFC 7296 §2.25.2: deletes of the IKE SA that cross are both answered, and all is gone', async t => {
  const lab = up()
  for (const r of lab.routers) lab.feed(r, { on: 'down', peer: lab.other(r).name })
  lab.run(3000)
  for (const r of lab.routers) {
    t.equal(r.children.size, 0)
    t.equal(r.ike.report(lab.other(r).name)?.sas.length, 0)
    t.equal(r.spis.size, 0)
  }
})

t.test('RFC 7296 §2.25.2: a request for a child on an IKE SA that we close: TEMPORARY_FAILURE', async t => {
  const lab = up()
  lab.rule = () => []
  lab.feed(lab.b, { on: 'down', peer: 'A' })
  const payloads = [
    offerEsp(espProposals(), Uint8Array.of(1, 2, 3, 4), 'esp'),
    { type: 'NONCE', data: new Uint8Array(32) } as const,
  ]
  const [answer] = say(lab, lab.a, payloads, { exchange: EXCHANGE.CREATE_CHILD_SA })
  t.match(answer?.text, /N\(TEMPORARY_FAILURE\)/)
})

t.test(
  'RFC 7296 §2.8: the router stops: every peer gets a Delete, even with a request in flight',
  async t => {
    const lab = up()
    lab.rule = () => []
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.rule = () => undefined
    lab.feed(lab.a, { on: 'stop' })
    t.equal(lab.sent.at(-1)?.text, 'INFORMATIONAL request 3 {D(IKE)}')
    t.equal(lab.a.children.size, 0)
  },
)
