import { instant } from '@brunel/base'
import t from 'tap'
import { FailedAuthentications } from './failed-authentication.js'
import { DEFAULT_SETTINGS } from './settings.js'

const MEMORY = DEFAULT_SETTINGS.failedAuthMemory
const settings = { ...DEFAULT_SETTINGS, failedAuthLimit: 2, failedAuthAddresses: 3 }

t.test('two failures slow an address down: one attempt each ten seconds, sooner beside a peer', async t => {
  const failed = new FailedAuthentications(settings)
  t.equal(failed.failed(instant(0), '192.0.2.1'), undefined)
  t.equal(failed.isSlowed(instant(0), '192.0.2.1'), false)
  t.ok(failed.mayTry(instant(0), '192.0.2.1', false))
  t.equal(failed.failed(instant(0), '192.0.2.1'), 2, 'this is told')
  t.equal(failed.isSlowed(instant(0), '192.0.2.1'), true)
  t.same(
    [0, 9_999, 10_000, 10_001, 19_999, 20_000].map(now => failed.mayTry(instant(now), '192.0.2.1', false)),
    [false, false, true, false, false, true],
  )
  t.same(
    [20_500, 21_000, 21_500].map(now => failed.mayTry(instant(now), '192.0.2.1', true)),
    [false, true, false],
  )
  t.equal(failed.isSlowed(instant(0), '192.0.2.2'), false, 'no other address')
})

t.test('success, a change of the configuration and time make it forgotten', async t => {
  const failed = new FailedAuthentications(settings)
  const slow = (now: number): void => {
    failed.failed(instant(now), '192.0.2.1')
    failed.failed(instant(now), '192.0.2.1')
  }
  slow(0)
  failed.proved('192.0.2.1')
  t.equal(failed.isSlowed(instant(0), '192.0.2.1'), false)
  slow(0)
  failed.forgetAll()
  t.equal(failed.isSlowed(instant(0), '192.0.2.1'), false)
  slow(0)
  t.equal(failed.isSlowed(instant(MEMORY - 1), '192.0.2.1'), true)
  t.equal(failed.isSlowed(instant(MEMORY), '192.0.2.1'), false)
})

t.test('the same address is told of again only after a while', async t => {
  const failed = new FailedAuthentications({ ...settings, failedAuthLimit: 1 })
  t.equal(failed.failed(instant(0), '192.0.2.1'), 1)
  t.equal(failed.failed(instant(MEMORY - 1), '192.0.2.1'), undefined)
  t.equal(failed.failed(instant(MEMORY + 1), '192.0.2.1'), 3)
})

t.test('the table is bounded: the one that failed longest ago goes', async t => {
  const failed = new FailedAuthentications({ ...settings, failedAuthLimit: 1 })
  for (const n of [1, 2, 3, 1, 4]) failed.failed(instant(n), `192.0.2.${n}`)
  t.same(
    [1, 2, 3, 4].map(n => failed.isSlowed(instant(5), `192.0.2.${n}`)),
    [true, false, true, true],
  )
})
