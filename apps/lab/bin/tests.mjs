/** All tests by tap: rings 1 to 3, then ring 4 (namespaces, real peers). */
import { existsSync, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { fail, ROOT, run, say } from './run.mjs'

const RING = resolve(ROOT, 'apps/lab/bin/ring.mjs')

/** Ring 4: real sockets, real time, real peers. */
const isSystem = file => /\/test\/system[/.]|\.system\.test\.js$/.test(file)

/** They load the machine or measure: nothing runs beside them. */
const isAlone = file =>
  !file.includes('/test/system/') ||
  /\/(bad-input|bench-ike|relay-hostile|relay-load|wire)\.test\.js$/.test(file)

/** They promise that no packet is lost: little runs beside them. */
const isLossless = file => /\/(mobike|routing|sites|strongswan|tcp)\.test\.js$/.test(file)

function* compiledTests(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) {
      if (entry.name !== 'node_modules') yield* compiledTests(path)
    } else if (entry.name.endsWith('.test.js') && existsSync(sourceOf(path))) yield relative(ROOT, path)
  }
}

/** dist/ may still hold the test of a source that is gone. */
const sourceOf = path => path.replace('/dist/', '/').replace(/\.js$/, '.ts')

function allTests() {
  const roots = ['packages', 'apps'].flatMap(dir =>
    readdirSync(join(ROOT, dir)).map(name => join(ROOT, dir, name, 'dist')),
  )
  return roots
    .filter(existsSync)
    .flatMap(dir => [...compiledTests(dir)])
    .sort()
}

/** A word selects every test whose path, of the source or compiled, contains it. */
function selected(words) {
  const files = allTests()
  if (words.length === 0) return files
  const wanted = words.map(word => relative(ROOT, resolve(ROOT, word)).replace(/\.ts$/, ''))
  return files.filter(file => wanted.some(word => file.includes(word) || sourceOf(file).includes(word)))
}

/** Files a process: many save starts, few share the cores evenly. */
const SHARE = 12

/** They measure the heap of their process. */
const measuresHeap = file => file.endsWith('/allocation.test.js')

/** They begin first, so that a ring does not wait for one that began last. */
const LONG = ['linux-router', 'relay-segment', 'strongswan', 'sites', 'relay-ospf', 'demo', 'faults', 'tcp']
const rank = file => {
  const at = LONG.findIndex(name => file.endsWith(`/${name}.test.js`))
  return at < 0 ? LONG.length : at
}

/** What a ring starts, `[title, files]` each: a process for a file. */
const each = files => files.toSorted((a, b) => rank(a) - rank(b)).map(file => [file, [file]])

/** A process for several files of one package. */
function together(files) {
  const packages = new Map()
  for (const file of files.filter(file => !measuresHeap(file))) {
    const name = file.split('/').slice(0, 2).join('/')
    packages.set(name, [...(packages.get(name) ?? []), file])
  }
  const shared = [...packages].flatMap(([name, its]) =>
    shares(its).map(share => [titleOf(name, share), share]),
  )
  return [...shared, ...each(files.filter(measuresHeap))]
}

const titleOf = (name, share) =>
  share.length === 1 ? share[0] : `${name}: ${share[0].slice(name.length + 1)} and ${share.length - 1} more`

/** As even as can be: neighbours by name, which are alike, go to different shares. */
function shares(files) {
  const count = Math.ceil(files.length / SHARE)
  return Array.from({ length: count }, (_, n) => files.filter((_, i) => i % count === n))
}

/** One line for each process, and all that a failing one said. */
async function ring(jobs, processes, env) {
  if (processes.length === 0) return { code: 0, total: 0, pass: 0, fail: 0, skip: 0 }
  let text = ''
  let rest = ''
  let block = []
  const line = row => {
    block.push(row)
    if (/^(not )?ok \d+ - /.test(row)) {
      const failed = row.startsWith('not')
      process.stdout.write(`${failed ? block.join('\n') : row}\n`)
      block = []
    } else if (row.startsWith('# Subtest')) block = [row]
  }
  const code = await run(process.execPath, [RING, String(jobs), JSON.stringify(processes)], {
    env,
    onOutput: chunk => {
      text += chunk
      rest += chunk
      const rows = rest.split('\n')
      rest = rows.pop() ?? ''
      rows.forEach(line)
    },
  })
  for (const [, title, reason] of text.matchAll(/^ *ok \d+ - (.*?) # SKIP ?(.*)$/gm))
    process.stdout.write(`skipped: ${title}${reason ? `: ${reason}` : ''}\n`)
  return { code, ...counts(text) }
}

/** tap ends its stream with `# { total: 4, pass: 4 }` at the top level. */
function counts(tap) {
  const line = tap.split('\n').findLast(row => /^# \{ total: /.test(row)) ?? ''
  const of = word => Number(new RegExp(`${word}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { total: of('total'), pass: of('pass'), fail: of('fail'), skip: of('skip') + of('todo') }
}

/** tap reads what it is told from its environment. */
function optionsOf(args) {
  const env = {}
  for (const option of args.filter(arg => arg.startsWith('-'))) {
    const timeout = /^--timeout=(\d+)$/.exec(option)?.[1]
    if (timeout) env.TAP_TIMEOUT = timeout
    else if (option === '--bail') env.TAP_BAIL = '1'
    else fail(`npm test does not know ${option}: it takes --bail and --timeout=SECONDS`)
  }
  return env
}

export async function runTests(args) {
  const env = optionsOf(args)
  const files = selected(args.filter(arg => !arg.startsWith('-')))
  if (files.length === 0) {
    say(`no test matches ${args.join(' ')}`)
    return 1
  }
  const system = files.filter(isSystem)
  const rings = [
    await ring(2, together(files.filter(file => !isSystem(file))), env),
    // The other system tests mostly wait for somebody.
    await ring(4, each(system.filter(file => !isAlone(file) && !isLossless(file))), env),
    await ring(3, each(system.filter(isLossless)), env),
    await ring(1, each(system.filter(isAlone)), env),
  ]
  const sum = word => rings.reduce((all, one) => all + one[word], 0)
  const code = rings.find(one => one.code !== 0)?.code ?? 0
  const failed = Math.max(sum('fail'), code === 0 ? 0 : 1)
  process.stdout.write(`\n${sum('pass')} passed, ${failed} failed, ${sum('skip')} skipped\n`)
  return code
}
