import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isTest, ROOT, sources } from '../../src/docs/sources.js'

const STATEMENTS = join(ROOT, '../shared/CONFORMANCE.md')
const absent = existsSync(STATEMENTS) ? false : '../shared/CONFORMANCE.md is not there'

/** Statements, or sections in them, that are left out by choice, and why. */
const NOT_DUE = new Map([
  [103, 'RFC 9347 aggregation: not built'],
  [115, 'GRE keepalives: a later issue'],
  [126, 'NHRP: a later issue'],
  [131, 'probing for the path MTU: a later issue'],
])
const LEFT_OUT = new Map([
  ['6311 §5', 'synchronisation of Message IDs: for clusters'],
  ['6311 §5.1', 'as above'],
  // Statement 125, "ours or passed through": it is passed through.
  ...['5881 §7', ...['2', '3', '4', '7', '16'].map(n => `5880 §6.8.${n}`)].map(
    section => [section, 'sessions of BFD are those of the routers behind'] as const,
  ),
  ['5723 §4.3.1', 'session resumption: left out'],
])

/** `RFC 7296 §2.8.1, §2.25, RFC 8784 §3` as pairs of RFC and section. */
function* citationsIn(text: string): Generator<string> {
  let rfc = ''
  for (const [, number, section] of text.matchAll(/RFC (\d{3,5})|§([0-9A-Z]+(?:\.\d+)*)/g))
    if (number !== undefined) rfc = number
    else if (rfc !== '' && section !== undefined) yield `${rfc} §${section}`
}

/** Title lines of tests: a citation counts as far as its line goes. */
const tested = (): Set<string> => {
  const cited = new Set<string>()
  for (const { path, text } of sources())
    if (isTest(path)) for (const line of text.split('\n')) for (const one of citationsIn(line)) cited.add(one)
  return cited
}

t.test('each statement on conformance that is due has a test that cites it', { skip: absent }, async t => {
  const cited = tested()
  const statements = [...readFileSync(STATEMENTS, 'utf8').matchAll(/^(\d+)\. (RFC .*?): /gm)]
  t.ok(statements.length > 100, `${statements.length} statements`)
  for (const [, number, head = ''] of statements) {
    if (NOT_DUE.has(Number(number))) continue
    const missing = [...citationsIn(head)].filter(one => !cited.has(one) && !LEFT_OUT.has(one))
    t.same(missing, [], `${number}. ${head}`)
  }
})
