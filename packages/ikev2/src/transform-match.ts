import {
  ADDITIONAL_MOST,
  ENCRYPTIONS,
  type Encryption,
  GROUPS,
  type Group,
  INTEGRITIES,
  type Integrity,
  KEMS,
  NO_EXCHANGE,
  PRFS,
  type Prf,
} from '@brunel/crypto'
import { Ike } from '@brunel/wire'

/** Transforms of the wire against those we know, RFC 7296 §3.3.2 to §3.3.6. */

const T = Ike.TRANSFORM
const NONE = 0

export type Known = Encryption | Prf | Integrity | Group

export const encr = ({ id, keyBits }: Encryption): Ike.Transform => ({
  type: T.ENCR,
  id,
  attributes: keyBits === undefined ? [] : [{ type: Ike.KEY_LENGTH, value: keyBits }],
})
export const plain = (type: number, id: number): Ike.Transform => ({ type, id, attributes: [] })

/**
 * The cipher a transform means, or undefined: an unknown ID or attribute, a Key Length where none belongs, or none
 * where one must be. Such a transform is skipped: RFC 7296 §3.3.5, §3.3.6, RFC 5282 §7.3.
 */
export function encryptionOf(transform: Ike.Transform): Encryption | undefined {
  const [attribute, ...more] = transform.attributes
  if (more.length > 0 || (attribute !== undefined && attribute.type !== Ike.KEY_LENGTH)) return undefined
  return ENCRYPTIONS.find(e => e.id === transform.id && e.keyBits === attribute?.value)
}

/** PRF, INTEG, KE and ESN have no attribute; one with any is skipped. */
const byId = <K extends Known>(known: readonly K[], transform: Ike.Transform): K | undefined =>
  transform.attributes.length === 0 ? known.find(k => k.id === transform.id) : undefined

/** What one received proposal holds that we understand. */
export interface Offered {
  readonly encryption: readonly Encryption[]
  readonly prf: readonly Prf[]
  readonly integrity: readonly Integrity[]
  /** INTEG absent or NONE is among it. */
  readonly integrityNone: boolean
  readonly groups: readonly Group[]
  readonly groupNone: boolean
  readonly esn: readonly boolean[]
  /** ADDKE1 to ADDKE7, each empty where it is not offered; NONE is a method: RFC 9370 §2.2.1. */
  readonly additional: readonly (readonly Group[])[]
}

/**
 * undefined: not for us at all, because of a transform type we do not know (RFC 7296 §3.3.6), or because it mixes
 * AEAD and other ciphers (RFC 5282 §8).
 */
export function readProposal(proposal: Ike.Proposal): Offered | undefined {
  const { transforms } = proposal
  if (transforms.some(t => t.type < T.ENCR || t.type > T.ADDKE7)) return undefined
  const of = (type: number): readonly Ike.Transform[] => transforms.filter(t => t.type === type)
  const allowsNone = (type: number): boolean =>
    of(type).length === 0 || of(type).some(t => t.id === NONE && t.attributes.length === 0)
  const known = <K>(type: number, find: (t: Ike.Transform) => K | undefined): readonly K[] =>
    of(type)
      .map(find)
      .filter(k => k !== undefined) as readonly K[]
  const encryption = known(T.ENCR, encryptionOf)
  const additional = Array.from({ length: ADDITIONAL_MOST }, (_, i) =>
    known(T.ADDKE1 + i, t => byId([...KEMS, ...GROUPS, NO_EXCHANGE], t)),
  )
  // Offered and nothing of it known, RFC 7296 §3.3.6: not the same as not offered.
  if (additional.some((methods, i) => methods.length === 0 && of(T.ADDKE1 + i).length > 0)) return undefined
  if (encryption.some(isAead) && !encryption.every(isAead)) return undefined
  return {
    encryption,
    prf: known(T.PRF, t => byId(PRFS, t)),
    integrity: known(T.INTEG, t => byId(INTEGRITIES, t)),
    integrityNone: allowsNone(T.INTEG),
    groups: known(T.KE, t => byId(GROUPS, t)),
    groupNone: allowsNone(T.KE),
    esn: known(T.ESN, t => (t.attributes.length > 0 || t.id > 1 ? undefined : t.id === 1)),
    additional,
  }
}

export const isAead = (e: Encryption): boolean => e.icvLength > 0

/** The first of ours that the peer has too. */
export const first = <K extends Known>(ours: readonly K[], theirs: readonly K[]): K | undefined =>
  ours.find(o => theirs.some(t => t.name === o.name))

export const sameTransform = (a: Ike.Transform, b: Ike.Transform): boolean =>
  a.type === b.type &&
  a.id === b.id &&
  a.attributes.length === b.attributes.length &&
  a.attributes.every((x, i) => sameAttribute(x, b.attributes[i] as Ike.Attribute))

function sameAttribute(a: Ike.Attribute, b: Ike.Attribute): boolean {
  if (a.type !== b.type) return false
  if (typeof a.value === 'number' || typeof b.value === 'number') return a.value === b.value
  return Ike.hex(a.value) === Ike.hex(b.value)
}
