import { type Group, NO_EXCHANGE } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import { plain } from './transform-match.js'

/**
 * The choice of additional key exchanges, RFC 9370 §2.2.1. Each of ADDKE1 to ADDKE7 is a transform type of its own,
 * from which one method is chosen, NONE among them; no method is used twice in one set-up.
 */

const T = Ike.TRANSFORM

type Lists = readonly (readonly Group[])[]

/** Of a suite: nothing where there is none, so that such suites look as they do without RFC 9370. */
export type Additional = { readonly additional?: readonly Group[] }

const suitePart = (methods: readonly Group[]): Additional => {
  const additional = methods.filter(method => method !== NO_EXCHANGE)
  return additional.length === 0 ? {} : { additional }
}

/** undefined: nothing fits. Where only one side names a type, the other must be able to do without it. */
export function pickAdditional(
  ours: Lists,
  theirs: Lists,
  group: Group | undefined,
): { readonly methods: Additional; readonly transforms: readonly Ike.Transform[] } | undefined {
  const used: Group[] = group === undefined ? [] : [group]
  const chosen: Group[] = []
  const transforms: Ike.Transform[] = []
  for (const [i, offered] of theirs.entries()) {
    const allowed = ours[i] ?? []
    if (offered.length === 0 && allowed.length === 0) continue
    const method = (allowed.length === 0 ? [NO_EXCHANGE] : allowed).find(
      m => (offered.length === 0 ? [NO_EXCHANGE] : offered).includes(m) && !used.includes(m),
    )
    if (method === undefined) return undefined
    if (method !== NO_EXCHANGE) used.push(method)
    chosen.push(method)
    if (offered.length > 0) transforms.push(plain(T.ADDKE1 + i, method.id))
  }
  const methods = suitePart(chosen)
  // An additional one comes after a first one.
  return group === undefined && methods.additional !== undefined ? undefined : { methods, transforms }
}

/** The initiator's check of an answer that holds one method of each type at most. */
export function verifiedAdditional(chosen: Lists, group: Group | undefined): Additional | undefined {
  const { additional = [] } = suitePart(chosen.flat())
  if (group === undefined) return additional.length === 0 ? {} : undefined
  return new Set([group, ...additional]).size === additional.length + 1 ? suitePart(additional) : undefined
}

/** What remains for a peer that does not announce IKE_INTERMEDIATE: what demands no additional key exchange. */
export const feasibleWithout = <P extends { readonly additional?: Lists }>(
  proposals: readonly P[],
): readonly P[] => withoutAdditional(proposals.filter(p => (p.additional ?? []).every(isOptional)))

const isOptional = (methods: readonly Group[]): boolean =>
  methods.length === 0 || methods.includes(NO_EXCHANGE)

/** Whether a proposal allows the additional key exchanges that took place. */
export function allowsAdditional(ours: Lists = [], used: readonly Group[] = []): boolean {
  const [mine = [], ...rest] = ours
  if (ours.length === 0) return used.length === 0
  const [method, ...later] = used
  if (method !== undefined && mine.includes(method) && allowsAdditional(rest, later)) return true
  return isOptional(mine) && allowsAdditional(rest, used)
}

/** The same proposals as a peer offers and takes them that does not know RFC 9370. */
export const withoutAdditional = <P extends { readonly additional?: Lists }>(
  proposals: readonly P[],
): readonly P[] => proposals.map(({ additional, ...rest }) => rest as P)

/** A proposal for a child as IKE_AUTH has it: without any key exchange of its own. */
export const withoutKe = <P extends { readonly groups: readonly Group[]; readonly additional?: Lists }>({
  additional,
  ...rest
}: P) => ({ ...rest, groups: [] })
