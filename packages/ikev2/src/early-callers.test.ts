import { instant } from '@brunel/base'
import t from 'tap'
import { EarlyCallers } from './early-callers.js'
import type { Incoming } from './sa-stage.js'

const call = (address: string, octet = 0): Incoming => ({
  header: {} as Incoming['header'],
  bytes: Uint8Array.of(octet),
  local: { address: '192.0.2.1', port: 500 },
  remote: { address, port: 500 },
})
const told = (calls: readonly Incoming[]): readonly string[] =>
  calls.map(({ remote, bytes }) => `${remote.address} ${bytes}`)
const everybody = () => true

t.test('the newest call of each is kept, until somebody is for it', async t => {
  const early = new EarlyCallers()
  early.remember(instant(0), call('a', 1))
  early.remember(instant(1), call('b', 2))
  early.remember(instant(2), call('a', 3))
  t.strictSame(told(early.take(instant(3), m => m.remote.address === 'a')), ['a 3'])
  t.strictSame(told(early.take(instant(3), everybody)), ['b 2'])
  t.strictSame(early.take(instant(3), everybody), [])
})

t.test('a call is forgotten after 8 s, when its caller may have begun anew', async t => {
  const early = new EarlyCallers()
  early.remember(instant(0), call('a'))
  early.remember(instant(1), call('b'))
  t.strictSame(told(early.take(instant(8000), everybody)), ['b 0'])
})

t.test('of many strangers the last 16 are kept, and the octets are a copy', async t => {
  const early = new EarlyCallers()
  const calls = Array.from({ length: 100 }, (_, i) => call(`stranger ${i}`, i))
  for (const m of calls) early.remember(instant(0), m)
  for (const { bytes } of calls) bytes.fill(0xa5)
  const kept = told(early.take(instant(1), everybody))
  t.strictSame([kept.length, kept[0], kept[15]], [16, 'stranger 84 84', 'stranger 99 99'])
})
