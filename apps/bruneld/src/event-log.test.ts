import type { RouterEvent } from '@brunel/admin-api'
import { instant } from '@brunel/base'
import t from 'tap'
import { EventLog } from './event-log.js'
import type { Log } from './log.js'

const event = (name: string, data: Record<string, unknown> = {}): RouterEvent => ({
  at: '',
  event: name,
  tunnel: 'branch-7',
  detail: String(data['code'] ?? name),
  data,
})
const failed = (code: string): RouterEvent => event('failed', { code, remedy: 'Mend it.', evidence: {} })

function setUp() {
  const lines: string[] = []
  const clock = { now: 0 }
  const at =
    (level: string) =>
    (fields: { times?: number }, text: string): number =>
      lines.push(`${level} ${text}${fields.times === undefined ? '' : ` ${fields.times} times`}`)
  const log = Object.fromEntries(['trace', 'debug', 'info', 'warn', 'error'].map(l => [l, at(l)])) as unknown
  return { lines, clock, log: new EventLog(log as Log, () => instant(clock.now)) }
}

t.test('the same failure is told once, then every ten minutes with how often', async t => {
  const { lines, clock, log } = setUp()
  for (let i = 0; i < 4; i++) log.write(failed('WRONG_PSK'))
  clock.now = 600_000
  log.write(failed('WRONG_PSK'))
  t.same(lines, ['warn WRONG_PSK', ...Array(3).fill('debug WRONG_PSK'), 'warn WRONG_PSK 4 times'])
})

t.test('two failures that take turns are each told once', async t => {
  const { lines, log } = setUp()
  for (const code of ['A', 'B', 'A', 'B']) log.write(failed(code))
  t.same(lines, ['warn A', 'warn B', 'debug A', 'debug B'])
})

t.test('attempts are told until one fails, and again after one came through', async t => {
  const { lines, log } = setUp()
  for (const one of [
    event('initiating'),
    failed('A'),
    event('initiating'),
    event('ike-up'),
    event('initiating'),
    failed('A'),
  ])
    log.write(one)
  t.same(lines, ['info initiating', 'warn A', 'debug initiating', 'info ike-up', 'info initiating', 'warn A'])
})

t.test('an end that was wanted is no warning', async t => {
  const { lines, log } = setUp()
  log.write(event('ike-down', { code: 'BRUNEL_IKE_CLOSED' }))
  log.write(event('ike-down', { code: 'BRUNEL_IKE_PEER_DEAD' }))
  log.write(event('ike-down', { code: 'BRUNEL_IKE_CLOSED_BY_PEER' }), true)
  t.same(lines, ['info BRUNEL_IKE_CLOSED', 'warn BRUNEL_IKE_PEER_DEAD', 'info BRUNEL_IKE_CLOSED_BY_PEER'])
})

t.test('a stranger is told once, and many strangers only a few times a minute', async t => {
  const { lines, clock, log } = setUp()
  const loud = (): number => lines.splice(0).filter(line => line.startsWith('info')).length
  log.stranger('198.51.100.9:500', '')
  log.stranger('198.51.100.9:4500', '')
  t.equal(loud(), 1)
  for (let i = 0; i < 1000; i++) log.stranger(`203.0.113.${i}:500`, '')
  t.equal(loud(), 4)
  clock.now = 60_000
  for (let i = 1000; i < 2000; i++) log.stranger(`203.0.113.${i}:500`, '')
  t.equal(loud(), 5)
})

t.test(
  'what OSPF routers disagree about is a warning, and a router gone mad does not fill the disk',
  async t => {
    const { lines, clock, log } = setUp()
    log.write(event('ospf-finding', { code: 'BRUNEL_OSPF_AREA' }))
    log.write(event('ospf-full'))
    t.same(lines.splice(0), ['warn BRUNEL_OSPF_AREA', 'info ospf-full'])
    for (let i = 0; i < 100; i++) log.write(event('ospf-lost'))
    t.equal(lines.splice(0).filter(line => line.startsWith('info')).length, 58)
    clock.now = 60_000
    log.write(event('ospf-lost'))
    t.same(lines, ['info ospf-lost'])
  },
)
