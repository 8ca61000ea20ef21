import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PERFECT, play, type Scenario, STILL } from '@brunel/sim'
import t from 'tap'

const fault = (plan: Partial<Scenario>): string | undefined =>
  play({ ...STILL, ...plan }, false).violation?.what

t.test('RFC 7296 §2.8: lifetimes rekey child and IKE SA under traffic and no datum is lost', async t => {
  const world = play(STILL, false)
  t.equal(world.violation, undefined)
  const names = world.routers.a.events.map(({ event }) => event.event)
  t.ok(names.includes('child-rekeyed'))
  t.ok(names.includes('ike-rekeyed') || names.includes('ike-up'))
})

t.test('the same with keys of the real crypto port, on IPv4 and IPv6', async t => {
  for (const family of [4, 6] as const) t.equal(fault({ cryptography: 'system', family }), undefined)
})

for (const mode of ['tunnel', 'transport'] as const) {
  t.test(`RFC 7296 §2.23: router a behind a NAT, ${mode} mode: everything floats to 4500`, async t => {
    const wishes = { a: { ...STILL.wishes.a, mode }, b: { ...STILL.wishes.b, mode } }
    const world = play({ ...STILL, nat: true, wishes }, false)
    t.equal(world.violation, undefined)
  })
}

t.test('RFC 7296 §2.23: the NAT forgets its mappings; data flow again within 15 s', async t => {
  for (const at of [20_000, 33_333, 119_000]) {
    t.equal(fault({ nat: true, lossless: false, happenings: [{ at, what: 'rebind' }] }), undefined)
  }
})

t.test('PRODUCT promise 3: the underlay is cut for 30 s; the link is back within 15 s after it', async t => {
  for (const side of ['a', 'b'] as const) {
    const happenings: Scenario['happenings'] = [
      { at: 90_000, what: 'cut', side },
      { at: 120_000, what: 'mend', side },
    ]
    t.equal(fault({ happenings, lossless: false }), undefined)
  }
})

t.test(
  'PRODUCT promise 3: a router loses power and boots; the link is back within 15 s after it',
  async t => {
    for (const side of ['a', 'b'] as const) {
      for (const off of [500, 5000, 29_000]) {
        const happenings: Scenario['happenings'] = [
          { at: 120_000 - off, what: 'crash', side },
          { at: 120_000, what: 'boot', side },
        ]
        t.equal(fault({ happenings, lossless: false }), undefined, `${side}, ${off} ms`)
      }
    }
  },
)

t.test('PRODUCT promise 3: only one side initiates, and the other one reboots', async t => {
  const wishes = { a: { ...STILL.wishes.a, initiate: false }, b: STILL.wishes.b }
  const happenings: Scenario['happenings'] = [
    { at: 110_000, what: 'crash', side: 'a' },
    { at: 120_000, what: 'boot', side: 'a' },
  ]
  t.equal(fault({ wishes, happenings, lossless: false }), undefined)
})

t.test('RFC 7383 §2.5.1: a path that carries no more than 1280 octets carries every message', async t => {
  const quality = { a: { ...PERFECT, mtu: 1280 }, b: { ...PERFECT, mtu: 1280 } }
  t.equal(fault({ quality, cryptography: 'system' }), undefined)
})

const tshark = spawnSync('tshark', ['--version']).status === 0
t.test(
  'a run read by tshark has no malformed packet',
  { skip: tshark ? false : 'tshark is not installed' },
  async t => {
    const world = play({ ...STILL, cryptography: 'system', nat: true }, true)
    const folder = mkdtempSync(join(tmpdir(), 'brunel-sim-'))
    t.teardown(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'run.pcap')
    writeFileSync(file, world.pcap?.file() ?? new Uint8Array(0))
    const count = (filter: string): number =>
      spawnSync('tshark', ['-r', file, '-Y', filter, '-T', 'fields', '-e', 'frame.number'], {
        encoding: 'utf8',
      })
        .stdout.split('\n')
        .filter(line => line !== '').length
    t.equal(count('_ws.malformed'), 0)
    t.ok(count('isakmp') > 8)
    t.ok(count('esp') > 100)
  },
)
