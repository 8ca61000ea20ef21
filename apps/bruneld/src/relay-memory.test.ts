import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeptArea } from '@brunel/ospf-relay'
import t from 'tap'
import { RelayFiles } from './relay-memory.js'

const LSA = Uint8Array.from({ length: 24 }, (_, i) => (i === 1 ? 7 : i))
const AREAS: readonly KeptArea[] = [{ version: 2, instance: 0, area: '0.0.0.0', lsas: [LSA] }]

function files(t: { teardown(step: () => void): void }) {
  const dir = mkdtempSync(join(tmpdir(), 'brunel-relay-'))
  t.teardown(() => rmSync(dir, { recursive: true }))
  const clock = { wall: Date.UTC(2026, 0, 1) }
  const failures: unknown[] = []
  const memory = new RelayFiles(
    dir,
    () => clock.wall,
    error => failures.push(error),
  )
  const keep = (device: string, areas = AREAS): void => {
    memory.write(device, () => areas)
    memory.flush(device)
  }
  return { dir, clock, failures, memory, keep }
}

t.test('what was kept comes back with the age that it has by then', async t => {
  const { clock, memory, keep, failures } = files(t)
  t.same(memory.read('eth1'), [])
  keep('eth1')
  clock.wall += 90_500
  const [area] = memory.read('eth1')
  t.match(area, { version: 2, instance: 0, area: '0.0.0.0' })
  t.same(area?.lsas[0], LSA.with(0, 0).with(1, 97))
  t.same(memory.read('eth2'), [], 'of another LAN')
  t.same(failures, [])
})

t.test(
  'RFC 2328 §14: what is an hour old is nothing, and a clock that was set back says nothing',
  async t => {
    const { clock, memory, keep } = files(t)
    keep('eth1')
    clock.wall += 3_599_000
    t.equal(memory.read('eth1').length, 1)
    clock.wall += 1000
    t.same(memory.read('eth1'), [])
    clock.wall -= 3_601_000
    t.same(memory.read('eth1'), [])
  },
)

t.test('several wishes are one file, of what there is when it is written', async t => {
  const { memory, dir } = files(t)
  memory.write('eth1', () => AREAS)
  memory.write('eth1', () => [])
  memory.flush('eth1')
  memory.flush('eth1')
  t.same(readdirSync(join(dir, 'relay')), ['eth1'])
  t.equal(memory.read('eth1').length, 1)
})

t.test('a file that cannot be read is nothing; a folder that cannot be made is told', async t => {
  const { memory, dir, keep, failures } = files(t)
  keep('eth1')
  const path = join(dir, 'relay', 'eth1')
  for (const text of ['', '{', '[]', readFileSync(path, 'utf8').slice(0, 60)]) {
    writeFileSync(path, text)
    t.same(memory.read('eth1'), [])
  }
  const other = files(t)
  writeFileSync(join(other.dir, 'relay'), '')
  other.keep('eth1')
  t.equal(other.failures.length, 1)
  t.same(failures, [])
})

t.test('files of LANs that are no more go', async t => {
  const { clock, dir, keep } = files(t)
  keep('eth1')
  const old = new Date(clock.wall - 3 * 3_600_000)
  utimesSync(join(dir, 'relay', 'eth1'), old, old)
  keep('eth2')
  t.same(readdirSync(join(dir, 'relay')), ['eth2'])
})
