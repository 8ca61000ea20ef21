import { writeFileSync } from 'node:fs'
import { cpus, release } from 'node:os'
import { parseArgs } from 'node:util'
import { Cleanup } from '../net/cleanup.js'
import { withoutStrongSwan } from '../peers/strongswan.js'
import { type PingResult, quantile, roundTrips, smallPackets, type TcpResult, tcp } from './measure.js'
import { bare, ours, type Path, strongswan, works } from './paths.js'

const USAGE = `usage: npm run bench [-- OPTIONS]
  --rounds N     rounds in which the paths take turns (3)
  --seconds N    length of each TCP run (3)
  --json FILE    the figures for machines
`

interface Figures {
  readonly bitsPerSecond: number
  readonly cpuSecondsPerGigabyte: number
  readonly packetsPerSecond: number
  readonly pingMedianMs: number
  readonly pingP99Ms: number
}

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    json: { type: 'string' },
    help: { type: 'boolean' },
  },
})
if (values.help) {
  process.stdout.write(USAGE)
  process.exit(0)
}
const rounds = Number(values.rounds ?? 3)
const seconds = Number(values.seconds ?? 3)
const say = (text: string): boolean => process.stderr.write(`${text}\n`)

const cleanup = new Cleanup()
cleanup.onSignals()
let code = 1
try {
  const lack = withoutStrongSwan()
  if (lack !== false) say(`strongSwan is left out: ${lack}`)
  const paths: Path[] = []
  for (const make of [ours, ...(lack === false ? [strongswan] : []), bare]) {
    const path = await make()
    cleanup.add(path.name, () => path.destroy())
    await works(path)
    paths.push(path)
  }
  const figures = await measure(paths)
  report(figures)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(document(figures), null, 2)}\n`)
  code = 0
} catch (error) {
  say(`failed: ${(error as Error).stack}`)
}
for (const fault of await cleanup.unwind()) say(`not removed: ${fault}`)
process.exit(code)

/** One measurement at a time; the paths take turns, so that a slow minute of the machine hits all. */
async function measure(paths: readonly Path[]): Promise<ReadonlyMap<string, Figures>> {
  const streams = new Map<string, TcpResult[]>()
  const pings = new Map<string, PingResult[]>()
  const small = new Map<string, number>()
  for (let round = 1; round <= rounds; round++)
    for (const { name, topology } of paths) {
      say(`round ${round} of ${rounds}: ${name}`)
      streams.set(name, [...(streams.get(name) ?? []), await tcp(topology, seconds)])
      pings.set(name, [...(pings.get(name) ?? []), await roundTrips(topology, 200)])
    }
  for (const { name, topology } of paths) {
    say(`small packets: ${name}`)
    small.set(name, await smallPackets(topology, 1))
  }
  const median = (of: readonly number[]): number => quantile(of, 0.5)
  return new Map(
    paths.map(({ name }) => {
      const [tcps, trips] = [streams.get(name) ?? [], pings.get(name) ?? []]
      const figures = {
        bitsPerSecond: median(tcps.map(run => run.bitsPerSecond)),
        cpuSecondsPerGigabyte: median(tcps.map(run => run.cpuSecondsPerGigabyte)),
        packetsPerSecond: small.get(name) ?? 0,
        pingMedianMs: median(trips.map(run => run.medianMs)),
        pingP99Ms: median(trips.map(run => run.p99Ms)),
      }
      return [name, figures]
    }),
  )
}

function ratios(figures: ReadonlyMap<string, Figures>): Record<string, number> {
  const [mine, swan, none] = [figures.get('ours'), figures.get('strongswan'), figures.get('bare')]
  const found: Record<string, number> = {}
  for (const [name, other] of [
    ['strongswan', swan],
    ['bare', none],
  ] as const) {
    if (mine === undefined || other === undefined) continue
    found[`throughputTo_${name}`] = mine.bitsPerSecond / other.bitsPerSecond
    found[`cpuTo_${name}`] = mine.cpuSecondsPerGigabyte / other.cpuSecondsPerGigabyte
    found[`packetsTo_${name}`] = mine.packetsPerSecond / other.packetsPerSecond
    found[`pingMedianTo_${name}`] = mine.pingMedianMs / other.pingMedianMs
  }
  return found
}

function document(figures: ReadonlyMap<string, Figures>): Record<string, unknown> {
  const [cpu] = cpus()
  return {
    machine: { cores: cpus().length, model: cpu?.model, kernel: release(), node: process.version },
    conditions: {
      rounds,
      seconds,
      suite: 'aes128gcm16 in UDP',
      stream: 'one TCP stream, all on one machine',
    },
    figures: Object.fromEntries(figures),
    ratios: ratios(figures),
  }
}

function report(figures: ReadonlyMap<string, Figures>): void {
  const print = (row: readonly string[]): boolean =>
    process.stdout.write(
      `${row.map((cell, i) => (i === 0 ? cell.padEnd(12) : cell.padStart(16))).join('')}\n`,
    )
  print(['', 'TCP Gbit/s', 'CPU s/GB', '64-byte pkt/s', 'ping median ms', 'ping p99 ms'])
  for (const [name, f] of figures)
    print([
      ...[
        name,
        (f.bitsPerSecond / 1e9).toFixed(2),
        f.cpuSecondsPerGigabyte.toFixed(2),
        Math.round(f.packetsPerSecond).toLocaleString('en'),
      ],
      ...[f.pingMedianMs.toFixed(3), f.pingP99Ms.toFixed(3)],
    ])
  process.stdout.write('\n')
  for (const [name, ratio] of Object.entries(ratios(figures)))
    process.stdout.write(`${name.padEnd(28)} ${ratio.toFixed(2)}\n`)
}
