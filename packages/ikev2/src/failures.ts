import { type Endpoint, endpointText } from '@brunel/base'
import type { Failure } from './contract.js'
import type { Nearest } from './nearest.js'
import type { Ends } from './sa-stage.js'

/**
 * Every way in which a negotiation fails or an SA ends, in words. A code never changes, a text may. The evidence
 * holds both sides' offers, identities and notifies; never a key, a PSK or an AUTH value.
 */
type Evidence = Readonly<Record<string, string | readonly string[]>>
export const failure = (
  code: string,
  sentence: string,
  remedy: string,
  evidence: Evidence = {},
): Failure => ({
  code: `BRUNEL_IKE_${code}`,
  sentence,
  evidence,
  remedy,
})

/** Negotiations that fail. */
export const silent = (remote: Endpoint, tries: number): Failure =>
  failure(
    'PEER_SILENT',
    `${endpointText(remote)} did not answer IKE_SA_INIT.`,
    'Check that the other router is on, that remote.address is right and that UDP 500 and 4500 pass in both directions.',
    { remote: endpointText(remote), transmissions: String(tries) },
  )

export const silentInAuth = (remote: Endpoint): Failure =>
  failure(
    'PEER_SILENT_IN_AUTH',
    `${endpointText(remote)} answered IKE_SA_INIT and then not IKE_AUTH.`,
    'Check that UDP 4500 passes in both directions, and the log of the other router: some say nothing when they refuse.',
    { remote: endpointText(remote) },
  )

export const noConnection = (remote: Endpoint, why: string): Failure =>
  failure(
    'NO_CONNECTION',
    `No TCP connection to ${endpointText(remote)}: ${why}.`,
    'Check that the other router is on and takes IKE over TCP (ike.tcp), and that TCP 4500 passes.',
    { remote: endpointText(remote), why },
  )

export const connectionLost = (remote: Endpoint, why: string): Failure =>
  failure(
    'CONNECTION_LOST',
    `The TCP connection to ${endpointText(remote)} broke before IKE was done: ${why}.`,
    'Check that the other router takes IKE over TCP (ike.tcp) and has this router as a peer; its log tells.',
    { remote: endpointText(remote), why },
  )

export const speaksVersion1 = ({ address }: Endpoint, mode: string): Failure =>
  failure(
    'VERSION_1',
    `The other router speaks IKEv1 (${mode} from ${address}), which is obsolete (RFC 9395) and not spoken here.`,
    'Set it to IKEv2: strongSwan "version = 2" in swanctl.conf or "keyexchange = ikev2" in ipsec.conf; Libreswan "ikev2 = insist"; Cisco, Juniper, Fortinet and others "IKE version 2" at the tunnel or gateway.',
    { remote: address, version: '1.0', mode },
  )

/** Both sides' offers, the nearest match and the one change that would make it work. */
const noCommon = (
  kind: 'ike' | 'esp',
  offers: { readonly ours: readonly string[]; readonly theirs: readonly string[] },
  near: Nearest | undefined,
): Failure => {
  const name = kind.toUpperCase()
  const differs = near?.differs.join('; ')
  return failure(
    kind === 'ike' ? 'NO_COMMON_PROPOSAL' : 'NO_COMMON_ESP_PROPOSAL',
    `The two routers have no ${name} proposal in common${differs === undefined ? '' : `; the nearest two differ in this: ${differs}`}.`,
    near === undefined
      ? `Make ${kind}.proposals of one end contain a proposal of the other.`
      : near.here === undefined
        ? `Add "${near.there}" to the ${name} proposals of the other router; what it offers is not accepted here.`
        : `Add "${near.here}" to ${kind}.proposals here, or "${near.there}" to those of the other router.`,
    {
      ...offers,
      ...(near === undefined
        ? {}
        : { nearest: [`ours: ${near.ours}`, `theirs: ${near.theirs}`], differs: near.differs }),
    },
  )
}

export const noCommonIkeProposal = (
  ours: readonly string[],
  theirs: readonly string[],
  near?: Nearest,
): Failure => noCommon('ike', { ours, theirs }, near)

export const noCommonEspProposal = (
  ours: readonly string[],
  theirs: readonly string[],
  near?: Nearest,
): Failure => noCommon('esp', { ours, theirs }, near)

export const proposalsRefused = (what: 'IKE' | 'ESP', ours: readonly string[]): Failure =>
  failure(
    what === 'IKE' ? 'PROPOSAL_REFUSED' : 'ESP_PROPOSAL_REFUSED',
    `The peer accepts none of our ${what} proposals (NO_PROPOSAL_CHOSEN).`,
    `Compare ${what === 'IKE' ? 'ike' : 'esp'}.proposals with those of the other router; its log shows what it wanted.`,
    { ours, theirs: 'not told by the peer' },
  )

export const badChoice = (what: string, ours: readonly string[], chosen: readonly string[]): Failure =>
  failure(
    'BAD_CHOICE',
    `The peer chose ${what} that we did not offer.`,
    'The other router breaks RFC 7296 §2.7; update it, or offer a single proposal.',
    { ours, chosen },
  )

export const wrongGroup = (asked: number, ours: readonly string[]): Failure =>
  failure(
    'GROUP_NOT_OFFERED',
    `The peer asks for Diffie-Hellman group ${asked}, which we do not offer.`,
    'Add that group to the proposals here, or one of ours to the other router.',
    { asked: String(asked), ours },
  )

export const wrongPsk = (id: string, remote: Endpoint): Failure =>
  failure(
    'WRONG_PSK',
    `${id} proved a PSK that is not ours: the two routers have different PSKs.`,
    'Set the same auth.psk on both ends; look for blanks and line ends.',
    { remoteId: id, remote: endpointText(remote) },
  )

/** `ppkId`: we named a PPK. */
/** `by`: how we prove ourselves. `theirsWasGood`: the peer proved the same PSK first. `ppk`: the one that we used. */
export const authenticationRefused = (
  localId: string,
  remoteId: string,
  about: {
    readonly by: 'psk' | 'certificate'
    readonly theirsWasGood?: boolean
    readonly ppk?: string | undefined
  },
): Failure => {
  const { by, ppk } = about
  const ppkWord = ppk === undefined ? 'it demands a PPK' : `the PPKs differ (ours is "${ppk}")`
  const evidence = { localId, remoteId, ourMethod: by, ...(ppk === undefined ? {} : { ppkId: ppk }) }
  if (by === 'certificate')
    return failure(
      'AUTHENTICATION_REFUSED',
      `The peer refused our authentication as ${localId} by a certificate: it does not accept our certificate or signature, it does not know that identity, it wants a PSK of us, or ${ppkWord}.`,
      'Compare our certificate with the trust anchors there; then local.id here and remote.id there; then auth.ppk. An older router may need auth.rsaSignature pkcs1. Its log says which it is.',
      evidence,
    )
  if (about.theirsWasGood === true)
    return failure(
      'AUTHENTICATION_REFUSED',
      `The peer proved the same PSK as ours and then refused us: it does not accept ${localId} as our identity.`,
      `Set local.id to what the other router expects, or its remote identity for this tunnel to ${localId}.`,
      { ...evidence, psk: 'the same at both ends' },
    )
  return failure(
    'AUTHENTICATION_REFUSED',
    `The peer refused our authentication as ${localId} by PSK: the PSKs differ, it does not know that identity or is not ${remoteId} itself, it wants a certificate of us, or ${ppkWord}.`,
    'Compare auth.psk; then local.id here and remote.id there, remote.id here and local.id there; then auth.ppk. Its log says which it is.',
    evidence,
  )
}

export const wrongId = (expected: string, claimed: string): Failure =>
  failure(
    'WRONG_ID',
    `The peer says it is ${claimed}; we expect ${expected}.`,
    'Set remote.id to what the other router sends, or its local.id to what is expected here.',
    { expected, claimed },
  )

export const unknownId = (claimed: string, known: readonly string[], remote: Endpoint): Failure =>
  failure(
    'UNKNOWN_ID',
    `${endpointText(remote)} says it is ${claimed}, and no peer has that identity.`,
    'Set remote.id of the peer to that identity, or correct local.id on the other router.',
    { claimed, known, remote: endpointText(remote) },
  )

export const tooManyFailures = ({ address }: Endpoint, times: number): Failure =>
  failure(
    'TOO_MANY_FAILURES',
    `${address} failed to authenticate ${times} times in a row; its attempts are slowed down.`,
    'If it is a router of yours, the failures before this say what to correct; it is heard again within seconds of that. Else it guesses, and nothing is to be done.',
    { address, times: String(times) },
  )

export const selectorsRefused = (ours: Evidence): Failure =>
  failure(
    'TS_UNACCEPTABLE',
    'The peer accepts none of our traffic selectors (TS_UNACCEPTABLE).',
    'Both ends must select GRE (47) between the two tunnel addresses; compare the selectors of the other router.',
    ours,
  )

export const selectorsUnacceptable = (
  evidence: Evidence,
  change: { readonly differs: readonly string[]; readonly there: string } | undefined,
): Failure =>
  failure(
    'TS_DIFFER',
    `The traffic selectors of the two routers have nothing in common${change === undefined ? '' : `: ${change.differs.join('; ')}`}.`,
    change === undefined
      ? 'Both ends must select GRE (47) between the two tunnel addresses; compare local.address and remote.address.'
      : `Let the other router select ${change.there} (strongSwan: local_ts = dynamic[gre], remote_ts = dynamic[gre]).`,
    { ...evidence, ...(change === undefined ? {} : { differs: change.differs }) },
  )

export const redirectRefused = (from: string, to: string): Failure =>
  failure(
    'REDIRECT_REFUSED',
    `${from} sends us to another gateway, ${to} (RFC 5685), and remote.redirect does not allow it.`,
    'Set remote.redirect to true if that gateway may serve this tunnel, or set remote.address to it.',
    { from, to },
  )

export const redirectLoop = (from: string, to: string, most: number): Failure =>
  failure(
    'REDIRECT_LOOP',
    `${from} sends us on to ${to}: that would be more than ${most} redirects in five minutes.`,
    'The gateways send us round in a circle; correct them, or set remote.redirect to false.',
    { from, to },
  )

export const gatewayUnknown = (from: string, name: string): Failure =>
  failure(
    'REDIRECT_UNRESOLVED',
    `${from} sends us to ${name}, and that name cannot be resolved.`,
    'Check the name and the resolver of this machine; the address that is configured is tried again.',
    { from, to: name },
  )

export const natRefused = (local: boolean, remote: boolean): Failure =>
  failure(
    'NAT_REFUSED',
    `${local ? (remote ? 'Both routers are' : 'This router is') : 'The peer is'} behind a NAT and esp.encapsulation is "none"; plain ESP does not pass a NAT (RFC 7296 §2.23).`,
    'Set esp.encapsulation to "auto" or "udp".',
    { nat: [...(local ? ['local'] : []), ...(remote ? ['remote'] : [])] },
  )

/** The responder announced that it can do without. */
export const childRefusedInAuth = (): Failure =>
  failure(
    'CHILD_REFUSED_IN_AUTH',
    'The peer refuses a child SA in IKE_AUTH (INVALID_SYNTAX) and announces that it can come later (RFC 6023): it seems to demand that. The next attempt does so.',
    'Nothing to do if the next attempt succeeds; ike.childless true saves this one.',
  )

export const refused = (exchange: string, notify: string): Failure =>
  failure(
    'REFUSED',
    `The peer answered ${exchange} with ${notify}.`,
    'Look into the log of the other router.',
    {
      exchange,
      notify,
    },
  )

export const malformed = (exchange: string, detail: string): Failure =>
  failure(
    'MALFORMED',
    `A message of ${exchange} is malformed: ${detail}.`,
    'One of the two routers breaks RFC 7296; take a capture and report it.',
    { exchange, detail },
  )

/** SAs that end. */
export const lost = (remote: Endpoint, exchange: string): Failure =>
  failure(
    'PEER_LOST',
    `${endpointText(remote)} no longer answers (${exchange}).`,
    'The tunnel comes back by itself when the peer does; check the line and the other router.',
    { remote: endpointText(remote), exchange },
  )

export const closedByPeer = (): Failure =>
  failure(
    'CLOSED_BY_PEER',
    'The peer closed it (Delete).',
    'Nothing to do here; the log of the other router says why.',
  )

export const closedHere = (why: string): Failure =>
  failure('CLOSED', `Closed here: ${why}.`, 'Nothing to do.')

export const replaced = (by: string): Failure => failure('REPLACED', `Replaced: ${by}.`, 'Nothing to do.')

export const expired = (what: string): Failure =>
  failure(
    'EXPIRED',
    `The ${what} reached its hard limit without a successor.`,
    'Lengthen the lifetime, and look for failed rekeys before this.',
    { limit: what },
  )

export const outOfStep = (why: string): Failure =>
  failure(
    'OUT_OF_STEP',
    `The two routers disagree on the state of the IKE SA: ${why}.`,
    'A new one is negotiated.',
  )

export const halfOpen = (): Failure =>
  failure(
    'HALF_OPEN',
    'The initiator never came back with IKE_AUTH.',
    'Check that UDP 4500 passes; or it was a stranger.',
  )

/** MOBIKE, RFC 4555. */
export const notRoutable = (remote: Endpoint): Failure =>
  failure(
    'NOT_ROUTABLE',
    `${endpointText(remote)} answered without having read the question: COOKIE2 differs (RFC 4555 §3.7).`,
    'Somebody may pretend to be at an address that is not his, or the other router breaks RFC 4555; a new IKE SA is negotiated.',
    { remote: endpointText(remote) },
  )

export const addressesRefused = ({ local, remote }: Ends): Failure =>
  failure(
    'ADDRESSES_REFUSED',
    `The peer does not accept that this router moved: ${endpointText(local)} to ${endpointText(remote)} (UNACCEPTABLE_ADDRESSES, RFC 4555 §3.5).`,
    'Look into the log of the other router; a new IKE SA is negotiated.',
    { local: endpointText(local), remote: endpointText(remote) },
  )

export const unexpectedNat = (remote: Endpoint): Failure =>
  failure(
    'UNEXPECTED_NAT',
    `There is a NAT on the way to ${endpointText(remote)}, and esp.encapsulation "none" allows none (RFC 4555 §3.9).`,
    'Set esp.encapsulation to "auto", or find out who changes the addresses.',
    { remote: endpointText(remote) },
  )

/** What we found ourselves, and the refusals in which the peer tells less of the same. */
const FOUND = new Set(
  [
    'WRONG_PSK',
    'WRONG_ID',
    'NO_COMMON_PROPOSAL',
    'NO_COMMON_ESP_PROPOSAL',
    'TS_DIFFER',
    'NAT_REFUSED',
    'PPK_NOT_ANNOUNCED',
    'PPK_ID_DIFFERS',
    'WRONG_PPK',
    'WRONG_PPK_OR_AUTH',
  ].map(code => `BRUNEL_IKE_${code}`),
)
const TOLD = new Set(
  ['AUTHENTICATION_REFUSED', 'PROPOSAL_REFUSED', 'ESP_PROPOSAL_REFUSED', 'TS_UNACCEPTABLE'].map(
    code => `BRUNEL_IKE_${code}`,
  ),
)

/** How a router that knows IKEv1 alone takes ours. */
const DEAF = new Set(['PEER_SILENT', 'REFUSED'].map(code => `BRUNEL_IKE_${code}`))

/** Whether `known` explains more than `next` does: where both ends begin, the two take turns. */
export const explainsMore = (known: Failure, next: Failure): boolean =>
  (FOUND.has(known.code) && TOLD.has(next.code)) ||
  (known.code === 'BRUNEL_IKE_VERSION_1' && (TOLD.has(next.code) || DEAF.has(next.code)))
