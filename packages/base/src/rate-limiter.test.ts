import fc from 'fast-check'
import t from 'tap'
import { RateLimiter } from './rate-limiter.js'
import { instant, millis } from './time.js'

/** One letter an attempt, at the given milliseconds. */
const tried = (limiter: RateLimiter, times: readonly number[]): string =>
  times.map(ms => (limiter.allow(instant(ms)) ? 'y' : 'n')).join('')

t.test('RFC 4443 §2.4 (f): a burst passes, then the average rate', async t => {
  t.equal(tried(new RateLimiter(millis(100), 3), [0, 0, 0, 0, 99, 100, 100, 200, 250, 300]), 'yyynnynyny')
})

t.test('tokens are saved up to the burst and no further', async t =>
  t.equal(tried(new RateLimiter(millis(100), 2), [0, 100_000, 100_000, 100_000]), 'yyyn'),
)

t.test('parts of an interval are not lost, and a clock that goes back earns nothing', async t => {
  t.equal(tried(new RateLimiter(millis(100), 1), [0, 60, 120, 180, 210]), 'ynyny')
  t.equal(tried(new RateLimiter(millis(100), 1), [1000, 0, 50, 1050]), 'ynnn')
})

t.test('RFC 1812 §4.3.2.8: never more than burst and rate allow', async () =>
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200 }), waits => {
      const limiter = new RateLimiter(millis(100), 5)
      let [now, allowed] = [0, 0]
      for (const wait of waits) {
        now += wait
        if (limiter.allow(instant(now))) allowed++
      }
      return allowed <= 5 + Math.floor(now / 100)
    }),
  ),
)
