import { GROUPS, INTEGRITIES, KEMS, NO_EXCHANGE, PRFS } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import type { IkeSuite } from './key-schedule.js'
import type { EspSuite } from './proposals.js'
import { encryptionOf } from './transform-match.js'

/** Suites and offers in strongSwan's words, for logs, evidence and the API. */

export const ikeSuiteText = (s: IkeSuite): string =>
  [
    s.encryption.name,
    ...(s.integrity === undefined ? [] : [s.integrity.name]),
    s.prf.name,
    s.group.name,
    ...(s.additional ?? []).map(({ name }, i) => `ke${i + 1}_${name}`),
  ].join('-')

export const espSuiteText = (s: EspSuite): string =>
  [
    s.encryption.name,
    ...(s.integrity === undefined ? [] : [s.integrity.name]),
    ...(s.group === undefined ? [] : [s.group.name]),
    ...(s.additional ?? []).map(({ name }, i) => `ke${i + 1}_${name}`),
    s.esn ? 'esn' : 'noesn',
  ].join('-')

/** As in `ikeSuiteText`, so that both sides' offers read alike whatever order they came in. */
const ORDER: readonly number[] = [1, 3, 2, 4, 5]
const rank = ({ type }: Ike.Transform): number => (ORDER.includes(type) ? ORDER.indexOf(type) : ORDER.length)

/** Every proposal of an SA payload, unknown transforms as `encr-23`. */
export const offerTexts = (sa: Ike.SaPayload): readonly string[] =>
  sa.proposals.map(p => inOrder(p.transforms).map(transformText).join('-'))

export const inOrder = (transforms: readonly Ike.Transform[]): readonly Ike.Transform[] =>
  transforms.toSorted((a, b) => rank(a) - rank(b) || (rank(a) === ORDER.length ? a.type - b.type : 0))

/** Old ones by strongSwan's names, so that people know what the other router offers. */
const RETIRED: Readonly<Record<string, string>> = {
  '1/2': 'des',
  '1/3': '3des',
  '1/11': 'null',
  '2/1': 'prfmd5',
  '2/2': 'prfsha1',
  '3/1': 'md5',
  '3/2': 'sha1',
  '4/1': 'modp768',
  '4/2': 'modp1024',
  '4/5': 'modp1536',
  '4/17': 'modp6144',
  '4/18': 'modp8192',
  '4/22': 'modp1024s160',
  '4/23': 'modp2048s224',
  '4/24': 'modp2048s256',
  '4/28': 'ecp256bp',
  '4/29': 'ecp384bp',
  '4/30': 'ecp512bp',
  '4/32': 'curve448',
}

export function transformText(t: Ike.Transform): string {
  const name = { 1: 'encr', 2: 'prf', 3: 'integ', 4: 'ke', 5: 'esn' }[t.type] ?? `type-${t.type}`
  return (
    knownText(t) ??
    RETIRED[`${t.type}/${t.id}`] ??
    [
      `${name}-${t.id}`,
      ...t.attributes.map(a => (typeof a.value === 'number' ? a.value : Ike.hex(a.value))),
    ].join('/')
  )
}

function knownText(t: Ike.Transform): string | undefined {
  if (t.type === Ike.TRANSFORM.ENCR) return encryptionOf(t)?.name
  if (t.type === Ike.TRANSFORM.ESN) return t.id === 0 ? 'noesn' : t.id === 1 ? 'esn' : undefined
  const additional = t.type - Ike.TRANSFORM.ADDKE1
  if (additional >= 0 && t.type <= Ike.TRANSFORM.ADDKE7) {
    const method = [...GROUPS, ...KEMS, NO_EXCHANGE].find(({ id }) => id === t.id)
    return `ke${additional + 1}_${method?.name ?? t.id}`
  }
  const known = { [Ike.TRANSFORM.PRF]: PRFS, [Ike.TRANSFORM.INTEG]: INTEGRITIES, [Ike.TRANSFORM.KE]: GROUPS }[
    t.type
  ]
  return known?.find(k => k.id === t.id)?.name
}
