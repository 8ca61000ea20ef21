import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { openEnds } from './ends.js'
import { flow } from './flow.js'
import { Rounds } from './rounds.js'
import { SUITES } from './suites.js'
import { type Figures, table } from './table.js'

const USAGE = `usage: npm run bench -- ike [OPTIONS]
  --suite WORD   only suites whose name holds this word
  --scale N      share of the set-ups to make (1)
  --profile DIR  writes a CPU profile of each end
  --json FILE    the figures for machines
`

const { values } = parseArgs({
  options: {
    suite: { type: 'string' },
    scale: { type: 'string' },
    profile: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const scale = Number(values.scale ?? 1)
const suites = SUITES.filter(({ name }) => name.toLowerCase().includes((values.suite ?? '').toLowerCase()))
const [first] = SUITES
const say = (text: string): boolean => process.stderr.write(`${text}\n`)

const profile = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile]
const ends = await openEnds(profile)
ends.cleanup.onSignals()
let code = 1
try {
  const rounds = new Rounds(ends)
  const figures: Figures = { rates: [], rekeys: [], memory: [], storm: undefined, flow: [] }
  for (const suite of suites) {
    say(suite.name)
    figures.rates.push(await rounds.rate(suite, scale))
  }
  if (values.suite === undefined && first !== undefined) {
    say('rekeys')
    figures.rekeys.push(...(await rounds.rekeys(first, Math.round(1000 * scale))))
    say('all at once')
    figures.storm = await rounds.storm(first, Math.round(1000 * scale))
    say('memory')
    figures.memory.push(
      ...(await rounds.memory(
        first,
        [1000, 5000].map(n => Math.round(n * scale)),
      )),
    )
  }
  if (values.suite === undefined) {
    say('from "peer added" to "traffic flows"')
    figures.flow.push(...(await flow(Math.round(20 * scale))))
  }
  process.stdout.write(table(figures))
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine: machine(), figures }, null, 2)}\n`)
  await ends.initiator.stop()
  await ends.responder.stop()
  code = 0
} catch (error) {
  say(`failed: ${(error as Error).stack}`)
}
for (const fault of await ends.cleanup.unwind()) say(`not removed: ${fault}`)
process.exit(code)

function machine(): Record<string, unknown> {
  const [cpu] = cpus()
  return { cores: cpus().length, model: cpu?.model, kernel: release(), node: process.version }
}
