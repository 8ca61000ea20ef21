/** All tests by tap: rings 1 to 3, then ring 4 (namespaces, real peers). */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative, resolve } from 'node:path'
import { ROOT, run, say } from './run.mjs'

/** Ring 4: real sockets, real time, real peers. */
const isSystem = file => /\/test\/system[/.]|\.system\.test\.js$/.test(file)

/** They load the machine or measure: nothing runs beside them. */
const isAlone = file =>
  !file.includes('/test/system/') || /\/(bad-input|bench-ike|wire)\.test\.js$/.test(file)

/** They promise that no packet is lost: little runs beside them. */
const isLossless = file => /\/(mobike|routing|sites|strongswan|tcp)\.test\.js$/.test(file)

const SYSTEM = '--timeout=900'

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

async function ring(files, options, folder) {
  if (files.length === 0) return { code: 0, total: 0, pass: 0, fail: 0, skip: 0 }
  const tap = resolve(ROOT, 'node_modules/.bin/tap')
  const { code, text } = await (process.stdout.isTTY ? onScreen : asLines)(
    tap,
    [...options, ...files],
    folder,
  )
  for (const [, title, reason] of text.matchAll(/^ *ok \d+ - (.*?) # SKIP ?(.*)$/gm))
    process.stdout.write(`skipped: ${title}${reason ? `: ${reason}` : ''}\n`)
  return { code, ...counts(text) }
}

/** tap's own picture of what runs; the record goes to a file beside it. */
async function onScreen(tap, args, folder) {
  const record = join(folder, 'record.tap')
  rmSync(record, { force: true })
  const code = await run(tap, ['run', `--output-file=${record}`, ...args])
  return { code, text: existsSync(record) ? readFileSync(record, 'utf8') : '' }
}

/** In a pipe: one line a file, and all that a failing file said. */
async function asLines(tap, args) {
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
  const code = await run(tap, ['run', '--reporter=tap', ...args], {
    onOutput: chunk => {
      text += chunk
      rest += chunk
      const rows = rest.split('\n')
      rest = rows.pop() ?? ''
      rows.forEach(line)
    },
  })
  return { code, text }
}

/** tap ends its stream with `# { total: 4, pass: 4 }` at the top level. */
function counts(tap) {
  const line = tap.split('\n').findLast(row => /^# \{ total: /.test(row)) ?? ''
  const of = word => Number(new RegExp(`${word}: (\\d+)`).exec(line)?.[1] ?? 0)
  return { total: of('total'), pass: of('pass'), fail: of('fail'), skip: of('skip') + of('todo') }
}

export async function runTests(args) {
  const options = args.filter(arg => arg.startsWith('-'))
  const files = selected(args.filter(arg => !arg.startsWith('-')))
  if (files.length === 0) {
    say(`no test matches ${args.join(' ')}`)
    return 1
  }
  const folder = mkdtempSync(join(tmpdir(), 'brunel-test-'))
  try {
    const system = files.filter(isSystem)
    const rings = [
      await ring(
        files.filter(file => !isSystem(file)),
        ['--jobs=2', ...options],
        folder,
      ),
      // The other system tests mostly wait for somebody.
      await ring(
        system.filter(file => !isAlone(file) && !isLossless(file)),
        [SYSTEM, '--jobs=4', ...options],
        folder,
      ),
      await ring(system.filter(isLossless), [SYSTEM, '--jobs=2', ...options], folder),
      await ring(system.filter(isAlone), [SYSTEM, '--jobs=1', ...options], folder),
    ]
    const sum = word => rings.reduce((all, one) => all + one[word], 0)
    const code = rings.find(one => one.code !== 0)?.code ?? 0
    const failed = Math.max(sum('fail'), code === 0 ? 0 : 1)
    process.stdout.write(`\n${sum('pass')} passed, ${failed} failed, ${sum('skip')} skipped\n`)
    return code
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
