import type { IkePeerReport } from '@brunel/ikev2'
import { mtuDisagreement } from './mtus.js'
import type { SimRouter } from './router.js'

/** More than these at once, and SAs leak. Crossing rekeys of both ends during a crossing start need the most. */
const MOST_IKE_SAS = 8
const MOST_CHILDREN = 12
const MOST_RECEIVING = 24

type Sa = IkePeerReport['sas'][number]

const children = (sas: readonly Sa[]): Sa['children'] => sas.flatMap(sa => sa.children)

/** Memory is bounded: what must hold after each step of one router, or what is wrong. */
export function bounds(router: SimRouter, peer: string): string | undefined {
  if (!router.up) return undefined
  if (router.esp.receiving > MOST_RECEIVING)
    return `${router.name}: ${router.esp.receiving} ESP SAs receive: they leak`
  const sas = router.report(peer)?.sas ?? []
  if (sas.length > MOST_IKE_SAS) return `${router.name}: ${sas.length} IKE SAs with one peer: they leak`
  const reported = children(sas)
  if (reported.length > MOST_CHILDREN)
    return `${router.name}: ${reported.length} children with one peer: they leak`
  return undefined
}

/** The two ends of a link as the reference model wants them when nothing is under way; or what is missing. */
export function disagreement(a: SimRouter, b: SimRouter): string | undefined {
  if (!a.up || !b.up) return 'a router is off'
  const [left, right] = [onlySa(a, b.name), onlySa(b, a.name)]
  if (typeof left === 'string') return left
  if (typeof right === 'string') return right
  if (left.spiInitiator !== right.spiInitiator || left.spiResponder !== right.spiResponder)
    return `the ends hold different IKE SAs: ${spis(left)} and ${spis(right)}`
  if (left.initiator === right.initiator) return 'both ends take themselves for the same role in the IKE SA'
  return childDisagreement(a, left, right) ?? espDisagreement(a, b, left, right) ?? mtuDisagreement(a, b)
}

const spis = (sa: Sa): string => `${sa.spiInitiator}/${sa.spiResponder}`

function onlySa(router: SimRouter, peer: string): Sa | string {
  const sas = router.report(peer)?.sas ?? []
  const [sa] = sas
  if (sa === undefined || sas.length !== 1)
    return `${router.name} has ${sas.length} IKE SAs: ${sas.map(s => `${spis(s)} ${s.state}`).join(', ')}`
  if (sa.state !== 'established') return `${router.name}: the IKE SA is ${sa.state}`
  const [child] = sa.children
  if (child === undefined || sa.children.length !== 1)
    return `${router.name} has ${sa.children.length} children: ${sa.children.map(c => `${c.spiIn.toString(16)} ${c.state}`).join(', ')}`
  return child.state === 'installed' ? sa : `${router.name}: the child is ${child.state}`
}

function childDisagreement(a: SimRouter, left: Sa, right: Sa): string | undefined {
  const [mine, theirs] = [left.children[0], right.children[0]]
  if (mine?.spiIn !== theirs?.spiOut || mine?.spiOut !== theirs?.spiIn)
    return `the ends hold different children`
  if (mine?.mode !== theirs?.mode || mine?.esn !== theirs?.esn || mine?.suite !== theirs?.suite)
    return `${a.name} and its peer hold the child with different suites or modes`
  return undefined
}

/** The data path holds what IKE says, and the keys of one end are those of the other. */
function espDisagreement(a: SimRouter, b: SimRouter, left: Sa, right: Sa): string | undefined {
  for (const [router, sa] of [
    [a, left],
    [b, right],
  ] as const) {
    const spiIn = sa.children[0]?.spiIn
    if (router.esp.current?.child.spiIn !== spiIn) return `${router.name} does not send on its only child`
    if (router.esp.installed.length !== 1 || router.esp.installed[0]?.child.spiIn !== spiIn)
      return `${router.name} has ${router.esp.installed.length} inbound SAs installed for one child`
  }
  if (a.esp.current?.key !== b.esp.installed[0]?.key || b.esp.current?.key !== a.esp.installed[0]?.key)
    return 'the ends hold different keys for one child'
  return undefined
}

/** Whether an IKE SA or child is in the middle of something, which excuses a disagreement for a while. */
export function underWay(router: SimRouter, peer: string): boolean {
  const sas = router.report(peer)?.sas ?? []
  return (
    sas.length !== 1 ||
    sas.some(sa => sa.state !== 'established' || sa.children.some(c => c.state !== 'installed'))
  )
}
