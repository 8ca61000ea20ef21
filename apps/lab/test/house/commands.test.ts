import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../../src/docs/sources.js'

const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>
}
/** They say themselves what they can do; the others say it without being built. */
const PROGRAMS: Readonly<Record<string, string>> = {
  lab: 'apps/lab/dist/src/main.js',
  bench: 'apps/lab/dist/src/bench/main.js',
  start: 'apps/bruneld/bin/bruneld.mjs',
  sim: 'packages/sim/dist/src/run.js',
  fuzz: 'packages/sim/dist/src/fuzz/run.js',
}

for (const name of Object.keys(scripts))
  t.test(`npm run ${name} -- --help says how it is used, and does nothing else`, async t => {
    const program = PROGRAMS[name]
    const args = program === undefined ? ['apps/lab/bin/brunel-dev.mjs', name] : [program]
    const { status, stdout } = spawnSync(process.execPath, [...args, '--help'], {
      cwd: ROOT,
      encoding: 'utf8',
      timeout: 30_000,
    })
    t.equal(status, 0)
    t.match(stdout, /usage|--seeds|--messages/i)
    t.notMatch(stdout, /building|passed|^ok /m)
  })
