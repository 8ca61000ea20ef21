import t from 'tap'
import { logAudit } from './esp-audit.js'
import type { Log } from './log.js'
import { readOptions } from './options.js'

const audit = {
  drop: 'esp-integrity' as const,
  spi: 0xc0ffee01,
  seq: 7,
  remote: { address: '198.51.100.7', port: 4500 },
  local: { address: '192.0.2.1', port: 4500 },
}

t.test('RFC 4303 §4: the auditing of ESP can be switched on and off', async t => {
  const said: [string, unknown][] = []
  const level = (name: string) => (what: unknown) => void said.push([name, what])
  const log = { info: level('info'), debug: level('debug') } as unknown as Log
  logAudit(log, true, { on: 'audit', ...audit })
  logAudit(log, false, { on: 'audit', ...audit })
  t.same(said, [
    ['info', audit],
    ['debug', audit],
  ])
})

t.test('RFC 4303 §4, RFC 4301 §6.1.1: both switches are options of bruneld', async t => {
  const plain = readOptions([], '0')
  t.same([plain.espAudit, plain.underlayIcmp], [false, 'both'])
  const told = readOptions(['--esp-audit', '--underlay-icmp', 'none'], '0')
  t.same([told.espAudit, told.underlayIcmp], [true, 'none'])
})
