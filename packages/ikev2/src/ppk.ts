import { Ike as Wire } from '@brunel/wire'
import type { Failure, IkePeer, Ppk } from './contract.js'
import { underPpk } from './key-schedule.js'
import { claimedText } from './peer-match.js'
import * as ppkFailures from './ppk-failures.js'
import { type Announced, type Claim, judge, type Proven, prove, type Unsettled } from './proof.js'
import type { Signing } from './psk-auth.js'
import type { Agreed, IkeSa } from './sa.js'
import type { SaHost } from './sa-stage.js'
import type { Turn } from './turn.js'

/**
 * Post-quantum pre-shared keys, RFC 8784 §3. IKE_SA_INIT tells that both have one, IKE_AUTH which; SK_d, SK_pi and
 * SK_pr of the last step before IKE_AUTH go through it, so that AUTH fails where it differs. Rekeys inherit it by SK_d.
 *
 *     HDR, SAi1, KEi, Ni, N(USE_PPK)  -->
 *                                     <--  HDR, SAr1, KEr, Nr, N(USE_PPK)
 *     HDR, SK {IDi, AUTH, …, N(PPK_IDENTITY) [, N(NO_PPK_AUTH)]}  -->        the second: it may be left out
 *                                     <--  HDR, SK {IDr, AUTH, … [, N(PPK_IDENTITY)]}      it is in use
 */

/** N(USE_PPK), where a PPK is configured: RFC 8784 §3. */
export const announcePpk = (configured: boolean): readonly Wire.PlainPayload[] =>
  configured ? [Wire.notify(Wire.NOTIFY.USE_PPK)] : []

export const announcesPpk = (payloads: readonly Wire.Payload[]): boolean =>
  Wire.findNotify(payloads, Wire.NOTIFY.USE_PPK) !== undefined

/** A fixed name for a fixed octet string, RFC 8784 §5.1; the one type that needs no further agreement. */
const PPK_ID_FIXED = 2

const sameOctets = (a: Uint8Array, b: Uint8Array): boolean => Wire.hex(a) === Wire.hex(b)

/** A name as people read it: its text, or its octets where they are none. */
export function ppkName(id: Uint8Array): string {
  const printable = id.length > 0 && id.every(octet => octet > 0x20 && octet < 0x7f)
  return printable ? String.fromCharCode(...id) : `0x${Wire.hex(id)}`
}

interface Proof {
  readonly certificates: readonly Wire.PlainPayload[]
  readonly auth: Wire.AuthPayload
  readonly notifies: readonly Wire.PlainPayload[]
}

/** The initiator's AUTH; with a PPK, its name and, where we can do without, the proof without: RFC 8784 §3. */
export function proveByPpk(
  turn: Turn,
  host: SaHost,
  peer: IkePeer,
  by: { readonly signing: Signing; readonly announced: Announced; readonly ppk: Ppk | undefined },
): Proof | Failure {
  const { signing, announced, ppk } = by
  const { ports } = host
  const without = ppk?.required === true ? undefined : prove(turn, host, peer, signing, announced)
  if (without !== undefined && 'code' in without) return without
  if (ppk === undefined) return { ...(without as Omit<Proof, 'notifies'>), notifies: [] }
  const skP = underPpk(ports.crypto, signing.prf, ppk.secret, signing.skP)
  const proof = prove(turn, host, peer, { ...signing, skP }, announced)
  ports.crypto.wipe(skP)
  if ('code' in proof) return proof
  const name = Wire.concat(Uint8Array.of(PPK_ID_FIXED), ppk.id)
  const notifies = [Wire.notify(Wire.NOTIFY.PPK_IDENTITY, name)]
  if (without !== undefined) notifies.push(Wire.notify(Wire.NOTIFY.NO_PPK_AUTH, without.auth.data))
  return { ...proof, notifies }
}

/** What the initiator proved, and by which PPK, if by any. */
export type ProvenByPpk = Proven & { readonly ppk: Ppk | undefined }

/**
 * The responder's judgement, RFC 8784 §3, table 1. `claim` as without PPK; `announced`: by both.
 *
 *     both announced   names ours   NO_PPK_AUTH   we demand
 *     no               -            -             no          as without
 *     no               -            -             yes         refused
 *     yes              yes          -             -           with the PPK
 *     yes              no           yes           no          as without, by NO_PPK_AUTH
 *     yes              no           else                      refused
 */
export function judgeByPpk(
  turn: Turn,
  host: SaHost,
  peer: IkePeer,
  claim: Claim & { readonly announced: boolean },
): ProvenByPpk | Unsettled | Failure {
  const { ppk } = peer
  const { ports } = host
  const asWithout = (proof: Wire.AuthPayload): ProvenByPpk | Unsettled | Failure => {
    const proven = judge(turn, host, peer, { ...claim, proof })
    return 'code' in proven || 'questions' in proven ? proven : { ...proven, ppk: undefined }
  }
  if (!claim.announced)
    return ppk?.required === true ? ppkFailures.ppkNotAnnounced(ppkName(ppk.id)) : asWithout(claim.proof)
  const named = Wire.findNotify(claim.payloads, Wire.NOTIFY.PPK_IDENTITY)?.data
  const withoutPpk = Wire.findNotify(claim.payloads, Wire.NOTIFY.NO_PPK_AUTH)?.data
  // RFC 8784 §3: both announced it, so that one must be named.
  if (named === undefined) return ppkFailures.ppkNotNamed()
  const plainProof = withoutPpk && { ...claim.proof, data: withoutPpk }
  const isOurs = ppk !== undefined && named[0] === PPK_ID_FIXED && sameOctets(named.subarray(1), ppk.id)
  if (!isOurs) {
    if (plainProof !== undefined && ppk?.required !== true) return asWithout(plainProof)
    const ids = { ours: ppk && ppkName(ppk.id), theirs: ppkName(named.subarray(1)) }
    return ppkFailures.ppkIdDiffers(ids, ppk?.required === true ? 'us' : 'the peer')
  }
  const skP = underPpk(ports.crypto, claim.signing.prf, ppk.secret, claim.signing.skP)
  const proven = judge(turn, host, peer, { ...claim, signing: { ...claim.signing, skP } })
  ports.crypto.wipe(skP)
  if ('questions' in proven) return proven
  if (!('code' in proven)) return { ...proven, ppk }
  if (!PROOF_DIFFERS.includes(proven.code)) return proven
  const [who, name] = [claimedText(claim.id), ppkName(ppk.id)]
  if (plainProof === undefined) return ppkFailures.wrongPpkOrProof(who, name, proven)
  const plain = asWithout(plainProof)
  return 'code' in plain ? plain : ppkFailures.wrongPpk(who, name)
}

/** Of an AUTH that was computed by other octets or another key, the PPK among them. */
const PROOF_DIFFERS: readonly string[] = ['BRUNEL_IKE_WRONG_PSK', 'BRUNEL_IKE_WRONG_SIGNATURE']

/** From here on the PPK is in SK_d, SK_pi and SK_pr: RFC 8784 §3. */
export function takePpk(sa: IkeSa, agreed: Agreed, ppk: Ppk | undefined): Agreed {
  if (ppk === undefined) return agreed
  const { crypto } = sa.host.ports
  const { keys, suite } = agreed
  const [d, pi, pr] = [keys.d, keys.pi, keys.pr].map(key => {
    const mixed = underPpk(crypto, suite.prf, ppk.secret, key)
    crypto.wipe(key)
    return mixed
  }) as [Uint8Array, Uint8Array, Uint8Array]
  sa.agreed = { ...agreed, keys: { ...keys, d, pi, pr } }
  return sa.agreed
}

/** The PPK in use is told without a name, since the initiator has told it: RFC 8784 §3. */
export const ppkInUse = (ppk: Ppk | undefined): readonly Wire.PlainPayload[] =>
  ppk === undefined ? [] : [Wire.notify(Wire.NOTIFY.PPK_IDENTITY)]

/** Of the responder's answer; what it holds besides is ignored: RFC 8784 §3. */
export const usesPpk = (payloads: readonly Wire.Payload[]): boolean =>
  Wire.findNotify(payloads, Wire.NOTIFY.PPK_IDENTITY) !== undefined
