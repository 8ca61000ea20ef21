/** What lies in deploy/ is checked by the tools that will read it. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../../src/docs/sources.js'
import { run } from '../../src/net/command.js'

const UNIT = join(ROOT, 'deploy/systemd/bruneld.service')
const PROMETHEUS = join(ROOT, 'deploy/prometheus')
const lacks = async (tool: string): Promise<string | false> =>
  (await run([tool, '--version'])).code !== 0 && `not installed: ${tool}`

t.test('the systemd unit', { skip: await lacks('systemd-analyze') }, async t => {
  const verified = await run(['systemd-analyze', 'verify', '--man=no', UNIT])
  t.equal(verified.code, 0)
  t.equal(verified.err, '', 'verify ends with 0 even for unknown keys: what it says counts')
  const { out } = await run(['systemd-analyze', 'security', '--offline=yes', '--no-pager', UNIT])
  const exposure = Number(
    /exposure level for \S+ ([\d.]+)/.exec(out)?.[1] ?? /: ([\d.]+) /.exec(out.split('\n').at(-2) ?? '')?.[1],
  )
  t.ok(exposure < 3, `exposure ${exposure}`)
})

t.test('the systemd unit gives three capabilities and no more', async t => {
  const unit = readFileSync(UNIT, 'utf8')
  for (const key of ['AmbientCapabilities', 'CapabilityBoundingSet'])
    t.match(unit, new RegExp(`^${key}=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE$`, 'm'))
})

t.test('the scrape configuration and the alerts', { skip: await lacks('promtool') }, async t => {
  const checked = await run([
    'promtool',
    'check',
    'config',
    '--syntax-only',
    join(PROMETHEUS, 'prometheus.yml'),
  ])
  t.equal(checked.code, 0, checked.err + checked.out)
  const rules = await run(['promtool', 'check', 'rules', join(PROMETHEUS, 'brunel-alerts.yml')])
  t.equal(rules.code, 0, rules.err + rules.out)
})

t.test('the peers of the container lab are documents of the current version', async t => {
  for (const name of ['site-a.json', 'site-b.json']) {
    const document = JSON.parse(readFileSync(join(ROOT, 'deploy/docker', name), 'utf8')) as {
      version: number
      peers: unknown[]
    }
    t.equal(document.version, 1)
    t.equal(document.peers.length, 1)
  }
})
