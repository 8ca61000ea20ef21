#!/usr/bin/env node
/**
 * What `npm test`, `npm run lab` and the other root scripts start. It needs Node and npm and nothing else: each command
 * first installs what is missing, builds what is stale, and then runs.
 */
import { resolve } from 'node:path'
import { BUILD_PACKAGES, LAB_PACKAGES, RELAY_PACKAGES, systemPackages, TEST_PACKAGES } from './packages.mjs'
import { fail, ROOT, run, say } from './run.mjs'
import { prepare } from './setup.mjs'
import { runTests } from './tests.mjs'

const OLDEST_NODE = 20
const node = (script, args, options) =>
  run(process.execPath, ['--enable-source-maps', resolve(ROOT, script), ...args], options)
const tool = (name, args) => run(resolve(ROOT, 'node_modules/.bin', name), args)

/**
 * `needs`: system packages beyond those the build needs, or what says them by the arguments. `help`: what `--help` says at once; without it the command
 * itself answers, once it is built.
 */
const COMMANDS = {
  test: {
    about: 'run all tests; arguments select files',
    needs: TEST_PACKAGES,
    run: args => runTests(args),
    help: `usage: npm test [-- WORD… OPTION…]
  WORD           only tests whose path contains it: strongswan, packages/ikev2, under-attack.test.ts
  OPTION         --bail: ends at the first failure; --timeout=SECONDS: for a file and each of its tests, 900
Rings 1 to 3 share a few processes, two at a time; of apps/lab/test/system (namespaces, real peers; as root) those that mostly wait run four at a time, those that measure alone.`,
  },
  lab: {
    about: 'two sites on this machine, live',
    needs: args => (args.includes('--relay') ? RELAY_PACKAGES : LAB_PACKAGES),
    run: args => node('apps/lab/dist/src/main.js', args),
  },
  bench: {
    about: 'measure ours, strongSwan and the bare path; `-- ike`: set-ups a second, memory, latency',
    needs: LAB_PACKAGES,
    run: args =>
      args[0] === 'ike'
        ? node('apps/lab/dist/src/bench/ike/main.js', args.slice(1))
        : node('apps/lab/dist/src/bench/main.js', args),
  },
  start: {
    about: 'run bruneld on this machine',
    needs: ['iproute2'],
    run: args => node('apps/bruneld/bin/bruneld.mjs', withDataDir(args)),
  },
  sim: {
    about: 'the long simulation: two routers, a model, any number of seeds; `-- --relay`: OSPF and relays',
    needs: [],
    run: args => node('packages/sim/dist/src/run.js', args),
  },
  fuzz: {
    about: 'throw nearly valid messages at IKE, two million of them',
    needs: [],
    run: args => node('packages/sim/dist/src/fuzz/run.js', args),
  },
  docs: {
    about: 'write the generated documents anew',
    needs: [],
    run: args => node('apps/lab/dist/src/docs/main.js', args),
    help: 'usage: npm run docs\nWrites docs/drops.md, errors.md, config.md and rfc-coverage.md anew from the sources.',
  },
  check: {
    about: 'format, lint, types and the rules of the house',
    needs: [],
    run: check,
    help: 'usage: npm run check\nbiome, tsc, and the tests of apps/lab/test/house.',
  },
  build: {
    about: 'install and build, nothing else',
    needs: [],
    run: async () => 0,
    help: 'usage: npm run build\nInstalls what is missing by the lockfile and builds what is stale.',
  },
}

function withDataDir(args) {
  const given =
    process.env.BRUNEL_DATA_DIR || args.some(arg => /^(--data-dir|--help|--version|-h|-V)/.test(arg))
  return given ? args : ['--data-dir', '/var/lib/brunel', ...args]
}

async function check() {
  const lint = await tool('biome', ['check', '.'])
  const types = await tool('tsc', ['--build', ...typescriptProjects()])
  const house = await runTests(['apps/lab/dist/test/house/'])
  return lint || types || house
}

const typescriptProjects = () =>
  ['bruneld', 'cli', 'lab']
    .map(name => `apps/${name}`)
    .concat('packages/sim')
    .map(path => resolve(ROOT, path))

function usage() {
  const rows = Object.entries(COMMANDS).map(([name, { about }]) => `  npm run ${name.padEnd(6)} ${about}`)
  return `usage: npm test | npm start | npm run COMMAND [-- ARGUMENTS]\n${rows.join('\n')}`
}

async function main() {
  const [name, ...args] = process.argv.slice(2).filter((arg, index) => !(index === 1 && arg === '--'))
  const command = COMMANDS[name]
  const asksHelp = [name, ...args].some(arg => arg === '--help' || arg === '-h')
  if (asksHelp && (command === undefined || command.help !== undefined)) {
    process.stdout.write(`${command?.help ?? usage()}\n`)
    return 0
  }
  if (!command) return fail(usage())
  if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE)
    return fail(`Brunel needs Node ${OLDEST_NODE} or newer; this is ${process.versions.node}.`)
  const needs = typeof command.needs === 'function' ? command.needs(args) : command.needs
  await systemPackages([...BUILD_PACKAGES, ...needs], name)
  await prepare()
  return command.run(args)
}

main().then(
  code => process.exit(code),
  error => {
    say(`failed: ${error.message}`)
    process.exit(1)
  },
)
