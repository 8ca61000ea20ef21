import { millis } from '@brunel/base'
import t from 'tap'
import { systemRandom } from './random.js'

t.test('RFC 7296 §3.1, RFC 4303 §2.1: SPIs are never 0, ESP SPIs above 255', async t => {
  for (let i = 0; i < 200; i++) {
    t.ok(systemRandom.ikeSpi().some(octet => octet !== 0))
    const spi = systemRandom.espSpi()
    t.ok(spi > 255 && spi <= 0xffffffff && Number.isInteger(spi))
  }
})

t.test('RFC 7296 §2.10: a nonce has the length that is asked, and is fresh', async t => {
  t.equal(systemRandom.nonce(32).length, 32)
  t.notSame(systemRandom.nonce(32), systemRandom.nonce(32))
  t.equal(systemRandom.bytes(5).length, 5)
})

t.test('jitter reaches from 0 to its maximum', async t => {
  const seen = new Set(Array.from({ length: 200 }, () => systemRandom.jitter(millis(2)) as number))
  t.same([...seen].sort(), [0, 1, 2])
  t.equal(systemRandom.jitter(millis(0)), 0)
})
