import t from 'tap'
import { type Datagram, Lab, type LabOptions } from './lab.js'

const HYBRID = 'aes256gcm16-prfsha384-x25519-ke1_mlkem768'

/** A path that loses every IPv4 datagram above `most` octets, without a word. */
function narrow(most: number, options: LabOptions = {}): Lab {
  const lab = new Lab({ rule: d => (sizeOf(d) > most ? [] : undefined), ...options })
  lab.both({ ike: [HYBRID], childless: true })
  return lab
}
const sizeOf = ({ bytes, to }: Datagram): number => bytes.length + 28 + (to.port === 4500 ? 4 : 0)
const totals = (lab: Lab, begins: string): readonly number[] => [
  ...new Set(
    lab.sent
      .filter(d => d.text.startsWith(begins))
      .map(d => Number(/SKF\(\d+\/(\d+)\)/.exec(d.text)?.[1] ?? 1)),
  ),
]
t.test(
  'RFC 7383 §2.5.2: a request without an answer is cut smaller, once; Total grows and the timers start over',
  async t => {
    const lab = narrow(0, {
      settings: { jitterPercent: 0 },
      rule: d =>
        sizeOf(d) > 400 && !/INIT/.test(d.text) ? [] : /INTERMEDIATE response/.test(d.text) ? [] : undefined,
    })
    lab.run(15_000)
    t.strictSame(totals(lab, 'IKE_INTERMEDIATE request 1'), [3, 6])
    const times = lab.ladder
      .filter(line => /IKE_INTERMEDIATE request 1 \{SKF\(1\//.test(line))
      .map(line => Number(line.split(' ')[0]) - 20)
    t.strictSame(times, [0, 1000, 3000, 4000, 6000, 10_000], '1, 2 seconds; then 1, 2, 4 and 4 anew')
    t.equal(lab.a.event('failed')[0]?.at, 14_020, 'and it ends in time')
  },
)

t.test(
  'RFC 7383 §2.5.1, §2.5.2: a path that loses big datagrams both ways carries an IKE SA and its rekeys',
  async t => {
    const lab = narrow(400)
    lab.run(8000)
    t.strictSame([lab.a.children.size, lab.b.children.size], [1, 1])
    t.equal(lab.a.event('ike-up')[0]?.suite, HYBRID)
    t.strictSame(totals(lab, 'IKE_INTERMEDIATE response 1'), [6], 'answered in kind from the first time')
    const from = lab.sent.length
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' })
    lab.run(8500)
    t.equal(lab.a.event('ike-rekeyed').length, 1, 'at once: what was learnt is kept')
    t.ok(lab.sent.slice(from).every(d => sizeOf(d) <= 296))
  },
)

t.test(
  'RFC 7383 §2.5.2: what was not cut is not cut after a loss, and where nothing is smaller nothing changes',
  async t => {
    const lab = new Lab({ rule: (d, nth) => (/IKE_AUTH request/.test(d.text) && nth < 4 ? [] : undefined) })
    lab.both()
    lab.run(12_000)
    t.notOk(lab.ladder.some(line => line.includes('SKF')))
    t.equal(lab.a.children.size, 1)
    const small = new Lab({
      settings: { datagram4: 250 as never },
      rule: (d, nth) => (/INTERMEDIATE request/.test(d.text) && nth < 4 ? [] : undefined),
    })
    small.both({ ike: [HYBRID] })
    small.run(12_000)
    t.equal(totals(small, 'IKE_INTERMEDIATE request 1').length, 1)
  },
)
