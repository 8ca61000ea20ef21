import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type Game, IKE, type Played, RELAY } from './games.js'
import { type Scenario, scenario } from './scenario.js'
import { shrink } from './shrink.js'
import { failure, preserve, simulate } from './simulate.js'

const HELP = `Simulates two routers in virtual time and checks them after every step.

  --relay      OSPF routers on LANs that relays join, instead of IKE between two routers
  --seeds N    how many seeds (10000)
  --from N     the first seed (1)
  --jobs N     threads (2)
  --keep N     stop after so many failing seeds (10)
  --shorten N  looks for a shorter plan for so many of the failing seeds (3)
  --plan FILE  plays one plan, as a failing seed left it (scenario.json)
  --shrink     looks for a shorter plan that fails alike, and writes it to shortest.json
  --json       print the summary as JSON
`

interface Range {
  readonly from: number
  readonly seeds: number
  readonly step: number
  readonly offset: number
  readonly relay: boolean
}

/** Progress goes back in portions: a message for each seed would cost more than many a seed. */
const PORTION = 25

const gameOf = (relay: boolean): Game<object> => (relay ? RELAY : IKE) as Game<object>

function work({ from, seeds, step, offset, relay }: Range): void {
  const game = gameOf(relay)
  let portion: Played<object>[] = []
  for (let n = offset; n < seeds; n += step) {
    portion.push(game.play(from + n))
    if (portion.length < PORTION) continue
    parentPort?.postMessage(portion)
    portion = []
  }
  parentPort?.postMessage(portion)
}

function main(): void {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '10000' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '2' },
      keep: { type: 'string', default: '10' },
      shorten: { type: 'string', default: '3' },
      plan: { type: 'string' },
      relay: { type: 'boolean', default: false },
      shrink: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return
  }
  if (values.plan !== undefined) {
    playPlan(JSON.parse(readFileSync(values.plan, 'utf8')) as Scenario, values.shrink)
    return
  }
  if (values.shrink) {
    playPlan(scenario(Number(values.from)), true)
    return
  }
  const [seeds, from, jobs, keep, shorten] = [
    values.seeds,
    values.from,
    values.jobs,
    values.keep,
    values.shorten,
  ].map(Number) as [number, number, number, number, number]
  if (
    [seeds, from, jobs, keep, shorten].some(n => !Number.isSafeInteger(n) || n < 0) ||
    jobs < 1 ||
    seeds < 1
  ) {
    process.stderr.write(`not a number of seeds, jobs or failures\n\n${HELP}`)
    process.exitCode = 2
    return
  }
  const { relay } = values
  const summary = new Summary(seeds, gameOf(relay), { keep, shorten: relay ? 0 : shorten, json: values.json })
  const workers = Array.from({ length: Math.min(jobs, seeds) }, (_, offset) => {
    const worker = new Worker(new URL(import.meta.url), {
      workerData: { from, seeds, step: jobs, offset, relay } satisfies Range,
    })
    worker.on('message', (portion: Played<object>[]) => {
      if (summary.add(portion)) for (const each of workers) void each.terminate()
    })
    worker.on('exit', () => {
      running--
      if (running > 0) return
      summary.print()
      summary.shorten()
    })
    return worker
  })
  let running = workers.length
}

function playPlan(plan: Scenario, shorter: boolean): void {
  const { violation, figures } = simulate(plan)
  if (violation === undefined) {
    process.stdout.write(`nothing is wrong\n${JSON.stringify(figures)}\n`)
    return
  }
  process.exitCode = 1
  process.stdout.write(`${failure(plan)}\n`)
  if (shorter) process.stdout.write(`${shortened(plan)}\n`)
}

/** Writes the shortest plan that fails alike beside the whole one; says where, and how to play it. */
function shortened(plan: Scenario): string {
  const shortest = shrink(plan)
  const file = join(preserve(plan), 'shortest.json')
  writeFileSync(file, `${JSON.stringify(shortest)}\n`)
  const [before, after] = [plan.happenings.length, shortest.happenings.length]
  return `seed ${plan.seed}: ${after} of ${before} happenings are enough\n  again: npm run sim -- --plan ${file}`
}

class Summary {
  readonly #seeds: number
  readonly #keep: number
  readonly #shorten: number
  readonly #json: boolean
  readonly #started = performance.now()
  readonly #failed: number[] = []
  readonly #game: Game<object>
  #figures: object
  #done = 0
  #nextNote = 0

  constructor(
    seeds: number,
    game: Game<object>,
    how: { readonly keep: number; readonly shorten: number; readonly json: boolean },
  ) {
    this.#seeds = seeds
    this.#game = game
    this.#figures = game.none
    this.#keep = how.keep
    this.#shorten = how.shorten
    this.#json = how.json
  }

  shorten(): void {
    for (const seed of this.#failed.slice(0, this.#shorten))
      process.stderr.write(`${shortened(scenario(seed))}\n`)
  }

  /** Whether enough has failed. */
  add(portion: readonly Played<object>[]): boolean {
    for (const { seed, violation, figures } of portion) {
      if (this.#failed.length >= this.#keep && this.#keep > 0) return true
      this.#done++
      this.#figures = this.#game.add(this.#figures, figures)
      if (violation === undefined) continue
      this.#failed.push(seed)
      process.stderr.write(`${this.#game.failure(seed)}\n`)
    }
    const elapsed = (performance.now() - this.#started) / 1000
    if (elapsed >= this.#nextNote && !this.#json) {
      this.#nextNote = elapsed + 5
      process.stderr.write(
        `${this.#done} of ${this.#seeds} seeds, ${this.#failed.length} failed, ${elapsed.toFixed(0)} s\n`,
      )
    }
    return this.#failed.length >= this.#keep && this.#keep > 0
  }

  print(): void {
    const elapsed = (performance.now() - this.#started) / 1000
    const figures = this.#figures
    process.exitCode = this.#failed.length === 0 && this.#done === this.#seeds ? 0 : 1
    if (this.#json) {
      process.stdout.write(
        `${JSON.stringify({ seeds: this.#done, failed: this.#failed, elapsed, ...figures })}\n`,
      )
      return
    }
    process.stdout.write(
      [
        `${this.#done} of ${this.#seeds} seeds played, ${this.#failed.length} failed${this.#failed.length > 0 ? `: ${this.#failed.join(' ')}` : ''}`,
        `${elapsed.toFixed(1)} s`,
        ...this.#game.lines(figures),
        '',
      ].join('\n'),
    )
  }
}

if (isMainThread) main()
else work(workerData as Range)
