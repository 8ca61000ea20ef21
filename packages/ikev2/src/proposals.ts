import type { Drop } from '@brunel/base'
import type { Encryption, EspProposal, Group, IkeProposal, Integrity } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import { type Additional, pickAdditional, verifiedAdditional, withoutKe } from './additional-exchanges.js'
import type { IkeSuite } from './key-schedule.js'
import { encr, first, isAead, type Offered, plain, readProposal, sameTransform } from './transform-match.js'

/**
 * Negotiation of cryptographic suites, RFC 7296 §2.7. The initiator offers; the responder chooses one proposal and
 * one transform of each type in it; the initiator verifies that the choice is one of its own.
 */

const T = Ike.TRANSFORM

/** What the negotiation of a child agreed on. */
export interface EspSuite extends Additional {
  readonly encryption: Encryption
  /** undefined for an AEAD. */
  readonly integrity: Integrity | undefined
  /** undefined: no PFS. */
  readonly group: Group | undefined
  readonly esn: boolean
}

export interface Choice<S> {
  readonly suite: S
  /** Their SPI in the chosen proposal: 0, 8 (IKE rekey) or 4 (ESP) octets. */
  readonly spi: Uint8Array
  /** The proposal's number, and the transforms for our answer. */
  readonly number: number
  readonly transforms: readonly Ike.Transform[]
}

/** Which exchange the proposals belong to; it decides the SPI size (RFC 7296 §3.3.1) and whether KE is negotiated. */
export type ProposalFor = 'ike' | 'ike-rekey' | 'esp-in-auth' | 'esp'

const SPI_SIZE = { ike: 0, 'ike-rekey': 8, 'esp-in-auth': 4, esp: 4 } as const

/** The SA payload of an offer of IKE suites. `spi` is empty in IKE_SA_INIT. INTEG is not sent with an AEAD: RFC 7296 §3.3. */
export const offerIke = (proposals: readonly IkeProposal[], spi: Uint8Array): Ike.SaPayload =>
  numbered(Ike.PROTOCOL.IKE, spi, proposals.map(ikeTransforms))

/** The SA payload of an offer of ESP suites. In IKE_AUTH there is no key exchange: RFC 7296 §1.2, RFC 9370 §2.2.4. */
export const offerEsp = (
  proposals: readonly EspProposal[],
  spi: Uint8Array,
  exchange: 'esp-in-auth' | 'esp',
): Ike.SaPayload =>
  numbered(
    Ike.PROTOCOL.ESP,
    spi,
    proposals.map(p => espTransforms(exchange === 'esp' ? p : withoutKe(p))),
  )

/** Proposals are numbered 1, 2, 3, …: RFC 7296 §3.3.1. */
const numbered = (
  protocol: number,
  spi: Uint8Array,
  lists: readonly (readonly Ike.Transform[])[],
): Ike.SaPayload => ({
  type: 'SA',
  proposals: lists.map((transforms, i) => ({ number: i + 1, protocol, spi, transforms })),
})

const ikeTransforms = (p: IkeProposal): readonly Ike.Transform[] => [
  ...p.encryption.map(encr),
  ...p.prf.map(({ id }) => plain(T.PRF, id)),
  ...p.integrity.map(({ id }) => plain(T.INTEG, id)),
  ...p.groups.map(({ id }) => plain(T.KE, id)),
  ...addkeTransforms(p.additional),
]

const addkeTransforms = (lists: IkeProposal['additional'] = []): readonly Ike.Transform[] =>
  lists.flatMap((methods, i) => methods.map(({ id }) => plain(T.ADDKE1 + i, id)))

const espTransforms = (p: EspProposal): readonly Ike.Transform[] => [
  ...p.encryption.map(encr),
  ...p.integrity.map(({ id }) => plain(T.INTEG, id)),
  ...p.groups.map(({ id }) => plain(T.KE, id)),
  ...p.esn.map(esn => plain(T.ESN, esn ? 1 : 0)),
  ...addkeTransforms(p.additional),
]

/** The group of the KE payload that goes with an offer: the first of the first proposal that has any. */
export const firstGroup = (proposals: readonly { readonly groups: readonly Group[] }[]): Group | undefined =>
  proposals.find(p => p.groups.length > 0)?.groups[0]

/** Whether an INVALID_KE_PAYLOAD may be obeyed: the group is one we offered (RFC 7296 §1.2). */
export const offeredGroup = (
  proposals: readonly { readonly groups: readonly Group[] }[],
  group: number,
): Group | undefined => proposals.flatMap(p => p.groups).find(g => g.id === group)

/** The group number in an INVALID_KE_PAYLOAD, 2 octets: RFC 7296 §1.2, §3.10.1. */
export const askedGroup = (data: Uint8Array): number | undefined =>
  data.length === 2 ? Ike.readUint16(data, 0) : undefined

/**
 * The responder's choice. Our order of proposals counts before theirs, and within a proposal our order of transforms;
 * but a group for which the KE payload is already there saves a round trip. undefined: NO_PROPOSAL_CHOSEN;
 * a drop: the SA payload breaks RFC 7296 §3.3.1.
 */
export function chooseIke(
  theirs: Ike.SaPayload,
  ours: readonly IkeProposal[],
  at: {
    readonly exchange: 'ike' | 'ike-rekey'
    readonly keGroup: number
  },
): Choice<IkeSuite> | Drop | undefined {
  return choose(theirs, at.exchange, offered => {
    for (const our of ours) {
      const encryption = first(our.encryption, offered.encryption)
      const prf = first(our.prf, offered.prf)
      const group = pickGroup(our.groups, offered.groups, at.keGroup)
      if (encryption === undefined || prf === undefined || group === undefined) continue
      const additional = pickAdditional(our.additional ?? [], offered.additional, group)
      if (additional === undefined) continue
      const integrity = pickIntegrity(encryption, our.integrity, offered)
      if (integrity === 'none-common') continue
      const transforms = [encr(encryption), plain(T.PRF, prf.id)]
      if (integrity !== undefined) transforms.push(plain(T.INTEG, integrity.id))
      transforms.push(plain(T.KE, group.id), ...additional.transforms)
      return {
        rank: ours.indexOf(our),
        suite: { encryption, integrity, prf, group, ...additional.methods },
        transforms,
      }
    }
    return undefined
  })
}

/** As `chooseIke`, for a child. `keGroup` undefined: there is no KE payload. */
export function chooseEsp(
  theirs: Ike.SaPayload,
  ours: readonly EspProposal[],
  at: { readonly exchange: 'esp-in-auth' | 'esp'; readonly keGroup: number | undefined },
): Choice<EspSuite> | Drop | undefined {
  return choose(theirs, at.exchange, offered => {
    for (const our of ours) {
      const encryption = first(our.encryption, offered.encryption)
      const esn = our.esn.find(e => offered.esn.includes(e))
      if (encryption === undefined || esn === undefined) continue
      const integrity = pickIntegrity(encryption, our.integrity, offered)
      if (integrity === 'none-common') continue
      const pfs = at.exchange === 'esp' // RFC 7296 §1.2: no KE in IKE_AUTH
      const group = pfs ? pickGroup(our.groups, offered.groups, at.keGroup) : undefined
      if (pfs && group === undefined && !(our.groups.length === 0 && offered.groupNone)) continue
      const [mine, theirs] = pfs ? [our.additional ?? [], offered.additional] : [[], []]
      const additional = pickAdditional(mine, theirs, group)
      if (additional === undefined) continue
      const transforms = [encr(encryption)]
      if (integrity !== undefined) transforms.push(plain(T.INTEG, integrity.id))
      if (group !== undefined) transforms.push(plain(T.KE, group.id))
      transforms.push(plain(T.ESN, esn ? 1 : 0), ...additional.transforms)
      const suite = { encryption, integrity, group, esn, ...additional.methods }
      return { rank: ours.indexOf(our), suite, transforms }
    }
    return undefined
  })
}

interface Candidate<S> {
  readonly rank: number
  readonly suite: S
  readonly transforms: readonly Ike.Transform[]
}

function choose<S>(
  theirs: Ike.SaPayload,
  exchange: ProposalFor,
  match: (offered: Offered) => Candidate<S> | undefined,
): Choice<S> | Drop | undefined {
  if (theirs.proposals.some((p, i) => p.number !== i + 1)) return 'ike-payload' // RFC 7296 §3.3.1
  let best: (Choice<S> & { rank: number }) | undefined
  for (const proposal of theirs.proposals) {
    if (!fits(proposal, exchange)) continue
    const offered = readProposal(proposal)
    const found = offered === undefined ? undefined : match(offered)
    if (found === undefined || (best !== undefined && best.rank <= found.rank)) continue
    best = { ...found, spi: proposal.spi, number: proposal.number }
  }
  return best && { suite: best.suite, spi: best.spi, number: best.number, transforms: best.transforms }
}

const protocolOf = (exchange: ProposalFor): number =>
  exchange === 'ike' || exchange === 'ike-rekey' ? Ike.PROTOCOL.IKE : Ike.PROTOCOL.ESP

/** Protocol and SPI size belong together, and an SPI is never 0: RFC 7296 §3.3.1, §3.1, RFC 4303 §2.1. */
const fits = (p: Ike.Proposal, exchange: ProposalFor): boolean =>
  p.protocol === protocolOf(exchange) &&
  p.spi.length === SPI_SIZE[exchange] &&
  (p.spi.length === 0 || p.spi.some(octet => octet !== 0))

const pickGroup = (
  ours: readonly Group[],
  theirs: readonly Group[],
  keGroup: number | undefined,
): Group | undefined =>
  first(
    ours.filter(g => g.id === keGroup),
    theirs,
  ) ?? first(ours, theirs)

/** AEAD: INTEG absent or NONE, never answered with one. Else there must be one in common: RFC 8221 §4. */
function pickIntegrity(
  encryption: Encryption,
  ours: readonly Integrity[],
  offered: Offered,
): Integrity | undefined | 'none-common' {
  if (isAead(encryption)) return offered.integrityNone ? undefined : 'none-common'
  return first(ours, offered.integrity) ?? 'none-common'
}

/** The SA payload that answers: the chosen proposal under its number, with our SPI: RFC 7296 §3.3.1. */
export const answerOf = (choice: Choice<unknown>, protocol: number, spi: Uint8Array): Ike.SaPayload => ({
  type: 'SA',
  proposals: [{ number: choice.number, protocol, spi, transforms: choice.transforms }],
})

/** The initiator's check of the answer to `offer`, RFC 7296 §2.7, §3.3.6; undefined: it is none of ours. */
export function verifyIkeChoice(
  answer: Ike.SaPayload,
  offer: Ike.SaPayload,
  exchange: 'ike' | 'ike-rekey',
): Choice<IkeSuite> | undefined {
  const chosen = verified(answer, offer, exchange)
  if (chosen === undefined) return undefined
  const [encryption, prf, group] = [chosen.read.encryption[0], chosen.read.prf[0], chosen.read.groups[0]]
  if (encryption === undefined || prf === undefined || group === undefined) return undefined
  const integrity = isAead(encryption) ? undefined : chosen.read.integrity[0]
  const additional = verifiedAdditional(chosen.read.additional, group)
  if (additional === undefined) return undefined
  return { ...chosen.choice, suite: { encryption, integrity, prf, group, ...additional } }
}

export function verifyEspChoice(
  answer: Ike.SaPayload,
  offer: Ike.SaPayload,
  exchange: 'esp-in-auth' | 'esp',
): Choice<EspSuite> | undefined {
  const chosen = verified(answer, offer, exchange)
  if (chosen === undefined) return undefined
  const [encryption, esn] = [chosen.read.encryption[0], chosen.read.esn[0]]
  if (encryption === undefined || esn === undefined) return undefined
  const integrity = isAead(encryption) ? undefined : chosen.read.integrity[0]
  const group = chosen.read.groups[0]
  const additional = verifiedAdditional(chosen.read.additional, group)
  if (additional === undefined) return undefined
  return { ...chosen.choice, suite: { encryption, integrity, group, esn, ...additional } }
}

function verified(
  answer: Ike.SaPayload,
  offer: Ike.SaPayload,
  exchange: ProposalFor,
): { choice: Omit<Choice<never>, 'suite'>; read: Offered } | undefined {
  const [chosen, ...more] = answer.proposals
  if (chosen === undefined || more.length > 0 || !fits(chosen, exchange)) return undefined
  const ours = offer.proposals.find(p => p.number === chosen.number)
  // INTEG or KE of NONE is as good as absent: RFC 7296 §3.3.3, §3.3.6.
  const transforms = chosen.transforms.filter(t => !isNone(t))
  if (ours === undefined || !isOneOfEach(transforms, ours.transforms)) return undefined
  const read = readProposal(chosen)
  return read && { choice: { spi: chosen.spi, number: chosen.number, transforms }, read }
}

const isNone = (t: Ike.Transform): boolean =>
  (t.type === T.INTEG || t.type === T.KE) && t.id === 0 && t.attributes.length === 0

const isLeftOut = (type: number, chosen: readonly Ike.Transform[]): boolean =>
  type >= T.ADDKE1 && chosen.every(t => t.type !== type)

const mayBeNone = (type: number, offered: readonly Ike.Transform[]): boolean =>
  offered.some(t => t.type === type && t.id === 0)

/** Exactly one of each type that we offered, unmodified, and nothing else. */
function isOneOfEach(chosen: readonly Ike.Transform[], offered: readonly Ike.Transform[]): boolean {
  // An additional key exchange that may be NONE may be left out too.
  const types = new Set(
    offered.map(t => t.type).filter(type => !(isLeftOut(type, chosen) && mayBeNone(type, offered))),
  )
  return (
    chosen.length === types.size &&
    new Set(chosen.map(t => t.type)).size === types.size &&
    chosen.every(t => offered.some(o => sameTransform(o, t)))
  )
}
