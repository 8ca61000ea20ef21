import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DROP_NAMES } from '@brunel/base'
import t from 'tap'
import { isTest, ROOT, sources, withoutComments } from '../../src/docs/sources.js'

const all = sources()
const production = all.filter(({ path }) => !isTest(path))
const NO_AMBIENT = /^packages\/(base|wire|crypto|config|ikev2|esp|gre|mtu|ospf-relay|datapath)\/src\//

t.test(
  'a file that is not a test has at most 500 lines: intentions are files, decisions are functions',
  async t => {
    for (const { path, text } of [...production, ...sources(/\.(cc|h|mjs|pl)$/)]) {
      const lines = text.split('\n').length
      if (lines > 500) t.fail(`${path} has ${lines} lines: split it by what it wants`)
    }
    t.pass()
  },
)

t.test('time and chance come in as arguments', async t => {
  for (const { path, text } of production.filter(({ path }) => NO_AMBIENT.test(path)))
    for (const word of [
      'Date.now',
      'Math.random',
      'performance.now',
      'setTimeout',
      'setInterval',
      'new Date()',
    ])
      if (withoutComments(text).includes(word)) t.fail(`${path} uses ${word}: take an Instant or a Random`)
  t.pass()
})

t.test('there are no default exports', async t => {
  for (const { path, text } of all) if (/^export default/m.test(text)) t.fail(`${path}: name it`)
  t.pass()
})

t.test('a file is named after its idea', async t => {
  for (const { path } of all) {
    if (/(^|[/-])(utils?|helpers?|common|manager|misc)(-|\.|\/)/.test(path))
      t.fail(`${path}: say what it is about`)
    if (/\/types\.ts$/.test(path)) t.fail(`${path}: a type lives with its idea`)
    const name = path.split('/').pop() ?? ''
    if (!/^[a-z0-9.-]+$/.test(name)) t.fail(`${path}: file names are kebab-case`)
  }
  t.pass()
})

/** As the value of an expression, not as a word of a title or a comment; a pattern may anchor it or a detail follow. */
const asValue = (name: string): RegExp => new RegExp(`['"\`/]\\^?${name}(['"\`/]|:)`)

t.test('every reason to drop a packet is made by our code', async t => {
  const code = production
    .filter(({ path }) => !path.startsWith('packages/base/'))
    .map(({ text }) => withoutComments(text))
  for (const name of DROP_NAMES)
    if (!code.some(text => text.includes(`'${name}'`))) t.fail(`nothing can produce ${name}: remove it`)
  t.pass()
})

/** That the tests would notice is proved, in a minute, by apps/lab/src/docs/drop-proof.ts. */
t.test('every reason to drop a packet is expected by a test of those that make it', async t => {
  const tests = all
    .filter(
      ({ path }) =>
        isTest(path) &&
        /^(packages\/(wire|crypto|esp|gre|mtu|ospf-relay|datapath|ikev2|packet-io)|apps\/(bruneld|lab\/test\/system))\//.test(
          path,
        ),
    )
    .map(({ text }) => withoutComments(text))
  for (const name of DROP_NAMES)
    if (!tests.some(text => asValue(name).test(text))) t.fail(`no test produces ${name}`)
  t.pass()
})

t.test('every package says in under 60 lines what it knows', async t => {
  for (const dir of ['packages', 'apps'])
    for (const name of readdirSync(join(ROOT, dir))) {
      const readme = join(ROOT, dir, name, 'README.md')
      if (!existsSync(readme)) t.fail(`${dir}/${name} has no README.md`)
      else if (readFileSync(readme, 'utf8').split('\n').length > 60)
        t.fail(`${dir}/${name}/README.md is longer than 60 lines`)
    }
  t.pass()
})

t.test('a catch decides something', async t => {
  for (const { path, text } of production)
    if (/catch\s*(\([^)]*\))?\s*\{\s*\}/.test(withoutComments(text))) t.fail(`${path}: empty catch`)
  t.pass()
})

t.test('test files share a process: what one sets up it sets up in its own tests', async t => {
  for (const { path, text } of all.filter(({ path }) => path.endsWith('.test.ts')))
    if (
      !/\/test\/system[/.]|\.system\.test\.ts$/.test(path) &&
      /^t\.(before|after|setTimeout|autoend|plan|end)/m.test(text)
    )
      t.fail(`${path}: no hooks and no limits for all tests`)
  t.pass()
})
