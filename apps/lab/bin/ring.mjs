/** One ring of tests: `ring.mjs JOBS '[["title", ["file", …]], …]'`; writes TAP. */
import { resolve } from 'node:path'
import t from 'tap'
import { ROOT } from './run.mjs'

/** Seconds for what is started, and for each of its tests. */
const PATIENCE = Number(process.env.TAP_TIMEOUT ?? 900)
const TOGETHER = resolve(ROOT, 'apps/lab/bin/together.mjs')

const [jobs, shares] = process.argv.slice(2)
t.jobs = Number(jobs)
t.setTimeout(PATIENCE * 4000)
for (const [title, files] of JSON.parse(shares)) {
  const script = files.length === 1 ? files : [TOGETHER, ...files]
  // Without tap's loaders, for TypeScript and coverage: they would load in every bruneld and brunel too.
  const command = ['-u', 'NODE_OPTIONS', process.execPath, '--enable-source-maps', ...script]
  t.spawn('env', command, { timeout: PATIENCE * 1000, env: { ...process.env, TAP_TIMEOUT: PATIENCE } }, title)
}
