import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Pcap } from '../pcap.js'
import { judgeRelay } from './judge.js'
import { type RelayPlan, relayPlan } from './plan.js'
import type { RelaySabotage } from './station.js'
import { RelayWorld, type Violation } from './world.js'

/** What one run was made of, for the summary. */
export interface RelayFigures {
  virtualSeconds: number
  steps: number
  relayed: number
  outages: number
  diedOfLoss: number
  mostInTenSeconds: number
  slowestBack: number
}

export interface RelayOutcome {
  readonly seed: number
  readonly violation: Violation | undefined
  readonly figures: RelayFigures
}

export const NO_RELAY_FIGURES: RelayFigures = {
  virtualSeconds: 0,
  steps: 0,
  relayed: 0,
  outages: 0,
  diedOfLoss: 0,
  mostInTenSeconds: 0,
  slowestBack: 0,
}

export function simulateRelay(plan: RelayPlan, sabotage?: RelaySabotage): RelayOutcome {
  const world = new RelayWorld(plan, sabotage)
  judgeRelay(world)
  const { watch, steps, diedOfLoss, slowestBack } = world
  return {
    seed: plan.seed,
    violation: world.violation,
    figures: {
      virtualSeconds: world.time.now() / 1000,
      steps,
      relayed: watch.relayed,
      outages: plan.happenings.length,
      diedOfLoss,
      mostInTenSeconds: watch.mostInTenSeconds,
      slowestBack,
    },
  }
}

export const simulateRelaySeed = (seed: number): RelayOutcome => simulateRelay(relayPlan(seed))

/** What to print of a failing plan: what broke, and how to see it again; leaves the plan, all steps and a capture of each LAN. */
export function relayFailure(plan: RelayPlan): string {
  const folder = join(tmpdir(), 'brunel-sim', `relay-${plan.seed}`)
  mkdirSync(folder, { recursive: true })
  const captures = Array.from({ length: plan.sites }, () => new Pcap())
  const steps: string[] = []
  const world = new RelayWorld(plan, undefined, {
    said: (at, site, packet) => captures[site]?.add(at, packet),
    step: (at, site, input, effects) => steps.push(line({ at, site, input, effects })),
  })
  judgeRelay(world)
  writeFileSync(join(folder, 'plan.json'), `${JSON.stringify(plan, null, 2)}\n`)
  writeFileSync(join(folder, 'trace.jsonl'), `${steps.join('\n')}\n`)
  for (const [site, capture] of captures.entries())
    writeFileSync(join(folder, `lan-${site}.pcap`), capture.file())
  const { at, what } = world.violation ?? { at: 0, what: 'nothing is wrong' }
  return `seed ${plan.seed}: at ${at} ms: ${what}\n  plan, steps and captures: ${folder}\n  again: npm run sim -- --relay --seeds 1 --from ${plan.seed}`
}

const line = (step: object): string =>
  JSON.stringify(step, (_, value) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  )
