import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DROP_NAMES } from '@brunel/base'
import { ROOT } from './sources.js'

/**
 * Proves that every reason to drop a packet has a test that produces it: in a copy of the compiled code the reason is
 * spelt wrong, and a test must fail. Takes a minute, so it is no part of `npm test`; arguments: some reasons only.
 *
 *     node apps/lab/dist/src/docs/drop-proof.js [REASON …]
 */
const MAKERS = ['wire', 'crypto', 'esp', 'gre', 'mtu', 'ospf-relay', 'datapath', 'ikev2']
/** Those see what the others made. */
const WITNESSES = ['ospf-relay', 'datapath', 'ikev2']
const ONE_TEST_MS = 120_000

const compiled = (folder: string, wanted: (path: string) => boolean): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(path => join(folder, path))
    .filter(wanted)

const isTest = (path: string): boolean => path.endsWith('.test.js')
const isCode = (path: string): boolean => path.endsWith('.js') && !isTest(path)

function copyOfPackages(): string {
  const copy = mkdtempSync(join(tmpdir(), 'brunel-drop-proof-'))
  for (const name of ['base', ...MAKERS])
    cpSync(join(ROOT, 'packages', name), join(copy, 'packages', name), {
      recursive: true,
      verbatimSymlinks: true,
    })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
  return copy
}

const fails = (test: string): boolean =>
  spawnSync(process.execPath, [test], { stdio: 'ignore', timeout: ONE_TEST_MS }).status !== 0

/** The test that notices, or undefined. Only a test that names the reason can. */
function witness(copy: string, reason: string): string | undefined {
  const literal = `'${reason}'`
  const spelt = MAKERS.flatMap(name =>
    compiled(join(copy, 'packages', name, 'dist/src'), isCode).flatMap(path => {
      const text = readFileSync(path, 'utf8')
      return text.includes(literal) ? [{ name, path, text }] : []
    }),
  )
  for (const { path, text } of spelt) writeFileSync(path, text.replaceAll(literal, `'wrong-${reason}'`))
  try {
    const concerned = new Set(spelt.length === 0 ? [] : [...spelt.map(({ name }) => name), ...WITNESSES])
    return [...concerned]
      .flatMap(name => compiled(join(copy, 'packages', name, 'dist'), isTest))
      .filter(path => readFileSync(path, 'utf8').includes(reason))
      .find(fails)
  } finally {
    for (const { path, text } of spelt) writeFileSync(path, text)
  }
}

const copy = copyOfPackages()
try {
  const asked = process.argv.slice(2)
  for (const reason of DROP_NAMES.filter(name => asked.length === 0 || asked.includes(name))) {
    const by = witness(copy, reason)
    const verdict =
      by === undefined
        ? 'NO TEST PRODUCES IT'
        : `${by.slice(copy.length + 1)}${fails(by) ? ' FAILS ANYHOW' : ''}`
    if (/[A-Z]{3}/.test(verdict)) process.exitCode = 1
    console.log(`${reason}: ${verdict}`)
  }
} finally {
  rmSync(copy, { recursive: true })
}
