import { PRFS } from '@brunel/crypto'
import t from 'tap'
import { NONCE_LENGTH } from '../src/exchanges/sa-init.js'
import { Lab } from './lab.js'

t.test(
  'RFC 7296 §2.10: a nonce is half the key size of any PRF that we can offer, 16 to 256 octets',
  async t => {
    for (const prf of PRFS) t.ok(2 * NONCE_LENGTH >= prf.length, prf.name)
    t.ok(NONCE_LENGTH >= 16 && NONCE_LENGTH <= 256)
  },
)

t.test('RFC 7296 §2.10: every exchange draws a fresh nonce, on both sides', async t => {
  const lab = new Lab()
  const drawn: string[] = []
  for (const { random } of lab.routers) {
    const nonce = random.nonce.bind(random)
    random.nonce = length => {
      const octets = nonce(length)
      drawn.push(Buffer.from(octets).toString('hex'))
      return octets
    }
  }
  lab.both()
  lab.run(1000)
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(2000)
  lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'ike' })
  lab.run(3000)
  t.equal(drawn.length, 6)
  t.equal(new Set(drawn).size, 6)
})
