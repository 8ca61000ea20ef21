import { instant } from '@brunel/base'
import { QUIET } from './plan.js'
import type { Member, RelayWorld } from './world.js'

/**
 * What must be, beyond what is forbidden at each step (watch.ts):
 *
 * - each second all adjacencies stand that should (RFC 2328 §10.4), but during an outage and a minute after it; one that is
 *   too short for the dead interval is no excuse; three Hellos lost in a row are one, and are counted
 * - `failFast` ends the adjacencies at once (world.ts)
 * - the doctor finds nothing where nothing is wrong
 * - at rest all ports forward, all databases are the same, and the doctor says of each router what that router thinks
 */

/** How often it is looked. */
const EVERY = 1000
/** An update, an acknowledgement that is missing, and the update again. */
const SYNCHRONISED_WITHIN = 15

const pairs = (members: readonly Member[]): (readonly [Member, Member])[] =>
  members.flatMap(a => members.filter(b => b !== a).map(b => [a, b] as const))

const leads = ({ address, router }: Member): boolean =>
  router.designatedRouter === address || router.backup === address

/** What is not as it should be between routers, or undefined: RFC 2328 §10.4, all adjacencies that should be are Full. */
export function unsettled({ members, plan }: RelayWorld): string | undefined {
  if (members.length < plan.routers.length) return 'not all have begun'
  for (const [a, b] of pairs(members)) {
    const wanted = plan.type === 'point-to-point' || leads(a) || leads(b) ? 'Full' : '2-Way'
    const state = a.router.stateOf(b.address)
    if (state !== wanted) return `${a.address} is ${state} with ${b.address} and should be ${wanted}`
    if (a.router.designatedRouter !== b.router.designatedRouter)
      return `${a.address} and ${b.address} have different Designated Routers`
  }
  return undefined
}

/** Plays the whole plan. */
export function judgeRelay(world: RelayWorld): void {
  let lastGood = 0
  for (let at = EVERY; at <= world.end; at += EVERY) {
    if (!world.run(at)) return
    const wrong = unsettled(world)
    if (wrong === undefined) {
      world.slowestBack = Math.max(world.slowestBack, at - Math.max(lastGood, world.lastExcuse(at)))
      lastGood = at
    } else if (world.calm) return world.object(wrong)
    if (at % 10_000 === 0 && world.calm) doctors(world)
  }
  world.perfect()
  if (!world.run(world.end + QUIET)) return
  const wrong = unsettled(world)
  if (wrong !== undefined) return world.object(wrong)
  doctors(world)
  compared(world)
}

/** No finding where nothing is wrong, and all ways used. */
function doctors(world: RelayWorld): void {
  for (const { site, relay } of world.stations) {
    const report = relay?.report(instant(world.time.now()))
    for (const { sentence } of report?.findings ?? []) world.object(`the doctor of LAN ${site}: ${sentence}`)
    for (const { port, state } of report?.ports ?? [])
      if (world.quiet && state !== 'forwarding') world.object(`port ${port} of LAN ${site} is ${state}`)
  }
}

/** At rest: one database everywhere, and what each doctor infers is what each router thinks. */
function compared(world: RelayWorld): void {
  const text = ({ router }: Member): string => JSON.stringify([...router.database].sort())
  const one = (): boolean => new Set(world.members.map(text)).size === 1
  for (let i = 0; !one(); i++) {
    if (i >= SYNCHRONISED_WITHIN) return world.object('the databases of the routers differ')
    if (!world.run(world.time.now() + 1000)) return
  }
  const router = (address: string): Member | undefined => world.members.find(m => m.address === address)
  for (const { site, relay } of world.stations) {
    const neighbours = relay?.report(instant(world.time.now())).neighbours ?? []
    if (neighbours.length !== world.members.length)
      world.object(`the doctor of LAN ${site} knows ${neighbours.length} of ${world.members.length} routers`)
    for (const { address, states } of neighbours)
      for (const { address: other, state } of states) {
        const really = router(address)?.router.stateOf(other)
        if (state !== really)
          world.object(
            `the doctor of LAN ${site} takes ${address} for ${state} with ${other}: it is ${really}`,
          )
      }
  }
}
