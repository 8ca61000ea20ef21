import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemCryptography } from '@brunel/crypto'
import { judge } from './judge.js'
import type { Sabotage } from './router.js'
import { type Scenario, scenario } from './scenario.js'
import { type Violation, World } from './world.js'

/** What one run was made of, for the summary. */
export interface Figures {
  virtualSeconds: number
  steps: number
  sent: number
  delivered: number
  ikeSas: number
  ikeRekeys: number
  children: number
  childRekeys: number
  childCrossings: number
  slowestBack: number
  slowestAgreed: number
}

export interface Outcome {
  readonly seed: number
  readonly violation: Violation | undefined
  readonly figures: Figures
}

export const NO_FIGURES: Figures = {
  virtualSeconds: 0,
  steps: 0,
  sent: 0,
  delivered: 0,
  ikeSas: 0,
  ikeRekeys: 0,
  children: 0,
  childRekeys: 0,
  childCrossings: 0,
  slowestBack: 0,
  slowestAgreed: 0,
}

export function addFigures<F extends { [K in keyof F]: number }>(sum: F, one: F): F {
  const total = { ...sum } as Record<string, number>
  for (const [name, value] of Object.entries<number>(one)) {
    const before = total[name] ?? 0
    total[name] = /^(slowest|most)/.test(name) ? Math.max(before, value) : before + value
  }
  return total as F
}

export function simulate(plan: Scenario): Outcome {
  return outcome(play(plan, false))
}

/** Plays a scenario to its end or its first violation. */
export function play(plan: Scenario, record: boolean, sabotage?: Sabotage): World {
  const world = new World(plan, { record, system: systemCryptography, sabotage })
  judge(world)
  return world
}

export function outcome(world: World): Outcome {
  const { a, b } = world.routers
  const events = [...a.events, ...b.events]
  const count = (name: string): number => events.filter(({ event }) => event.event === name).length
  return {
    seed: world.scenario.seed,
    violation: world.violation,
    figures: {
      virtualSeconds: world.time.now() / 1000,
      steps: a.counters.steps + b.counters.steps,
      sent: world.flows.a.sent + world.flows.b.sent,
      delivered: world.flows.a.delivered + world.flows.b.delivered,
      ikeSas: count('ike-up'),
      ikeRekeys: count('ike-rekeyed'),
      children: count('child-up'),
      childRekeys: count('child-rekeyed'),
      childCrossings: a.crossings + b.crossings,
      slowestBack: world.recovery.back,
      slowestAgreed: world.recovery.agreed,
    },
  }
}

/** Plays a failing seed again with everything recorded; returns the folder with scenario, input trace, events and capture. */
export function preserve(plan: Scenario): string {
  const world = play(plan, true)
  const folder = join(tmpdir(), 'brunel-sim', `seed-${plan.seed}`)
  mkdirSync(folder, { recursive: true })
  const { violation } = world
  writeFileSync(
    join(folder, 'violation.json'),
    `${JSON.stringify({ seed: plan.seed, ...violation }, null, 2)}\n`,
  )
  writeFileSync(join(folder, 'scenario.json'), `${JSON.stringify(plan, null, 2)}\n`)
  writeFileSync(join(folder, 'trace.jsonl'), `${world.trace?.lines().join('\n')}\n`)
  writeFileSync(join(folder, 'underlay.pcap'), world.pcap?.file() ?? new Uint8Array(0))
  return folder
}

/** What to print of a failing seed: what broke, and how to see it again. */
export function failure(plan: Scenario): string {
  const folder = preserve(plan)
  const { violation } = simulate(plan)
  return `seed ${plan.seed}: at ${violation?.at} ms: ${violation?.what}\n  input trace, scenario and capture: ${folder}\n  again: npm run sim -- --seeds 1 --from ${plan.seed}`
}

export const simulateSeed = (seed: number): Outcome => simulate(scenario(seed))
