import { after, type Instant, millis } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import type { IkePeer } from './contract.js'
import type { PeerControl } from './peer.js'
import type { IkeSa } from './sa.js'
import type { Doing } from './sa-stage.js'
import type { Session } from './session.js'
import type { Turn } from './turn.js'

/**
 * Two of ours tell one another the inner MTU that each computes for itself, and both use the lower one: ADR 23. Nobody
 * else is told: a Vendor ID in IKE_SA_INIT, which AUTH covers, says who understands it (RFC 7296 §3.12).
 *
 *     HDR, SAi1, KEi, Ni, …, V  -->
 *                               <--  HDR, SAr1, KEr, Nr, …, V
 *     HDR, SK {IDi, AUTH, …, N(BRUNEL_INNER_MTU)}  -->
 *                               <--  HDR, SK {IDr, AUTH, …, N(BRUNEL_INNER_MTU)}
 *     HDR, SK {N(BRUNEL_INNER_MTU)}  -->                        when it changes; either end
 *                               <--  HDR, SK {}
 *
 * What is told is what follows from one's own path, never the lower of the two: otherwise no value could rise again.
 * The data of the notify:
 *
 *     |  version 1  |  reserved   |         inner MTU         |
 *     |                        serial                         |
 *
 * The inner MTU is the largest IP packet in GRE, the MTU of the tunnel interface, IPv4 and IPv6 alike; below 1280 there
 * is no IPv6 (RFC 7676 §3.2). The serial is higher with each other value of a session: an old request that is repeated on
 * an IKE SA that was rekeyed meanwhile changes nothing.
 */

/** Of our choosing, RFC 7296 §3.12. */
const VENDOR_ID = Uint8Array.from([...'Brunel inner MTU 1'], letter => letter.charCodeAt(0))
const VERSION = 1
const LENGTH = 8

/** 576 octets, which any IPv4 path carries (RFC 791 §3.1), less the longest of our headers. */
const LEAST = 400

/** Between two requests that tell it. Shorter: a path that flaps is a storm. Longer: packets are too large for as long. */
const EVERY = millis(1000)

/** What an end tells, with its serial. */
export interface ToldMtu {
  readonly mtu: number
  readonly serial: number
}

/** Of a session whose peer understands it. */
export interface Telling {
  theirs: ToldMtu | undefined
  /** The serial of ours that the peer has. */
  known: number | undefined
  lastAt: Instant | undefined
}

// ---- who understands it ----

/** `mayTell`: there is something to tell; to strangers it is, where some peer is told. */
export const vendorWords = (mayTell: boolean): readonly Wire.PlainPayload[] =>
  mayTell ? [{ type: 'V', data: VENDOR_ID }] : []

export const showsVendor = (payloads: readonly Wire.Payload[]): boolean =>
  Wire.all(payloads, 'V').some(
    ({ data }) => data.length === VENDOR_ID.length && data.every((octet, i) => octet === VENDOR_ID[i]),
  )

export const tellsMtu = ({ innerMtu }: IkePeer): boolean => innerMtu !== undefined

// ---- what we tell ----

/** In IKE_AUTH, ours as it is at this moment; its serial is noted for the session to come. */
export function mtuWords(sa: IkeSa, { ownMtu }: PeerControl): readonly Wire.PlainPayload[] {
  if (!sa.understandsMtu || ownMtu === undefined) return []
  sa.mtuSaid = ownMtu.serial
  if (sa.session?.telling !== undefined) sa.session.telling.known = ownMtu.serial
  return [notice(ownMtu)]
}

export const tellingOf = (sa: IkeSa, peer: IkePeer): Telling | undefined =>
  sa.understandsMtu && tellsMtu(peer)
    ? { theirs: undefined, known: sa.mtuSaid, lastAt: undefined }
    : undefined

const notice = ({ mtu, serial }: ToldMtu): Wire.NotifyPayload =>
  Wire.notify(
    Wire.NOTIFY.BRUNEL_INNER_MTU,
    Wire.concat(Uint8Array.of(VERSION, 0), Wire.uint16(mtu), Wire.uint32(serial)),
  )

/** Another value of ours: all who hold the one before are told. */
export function ownMtuIs(turn: Turn, control: PeerControl, mtu: number | undefined): void {
  if (control.ownMtu?.mtu === mtu) return
  control.ownMtu = mtu === undefined ? undefined : { mtu, serial: ++control.mtuSerial }
  for (const session of control.alive) wantToTell(session)
  for (const { current } of control.alive) current.pump(turn)
}

function wantToTell({ telling, current }: Session): void {
  if (telling === undefined) return
  const notBefore = telling.lastAt && after(telling.lastAt, EVERY)
  current.intents.add({ want: 'mtu', notBefore })
}

/** What has been told meanwhile begins nothing. */
export function beginMtu(turn: Turn, sa: IkeSa, session: Session): void {
  const { telling, control } = session
  const { ownMtu } = control
  if (telling === undefined || ownMtu === undefined || telling.known === ownMtu.serial) return
  telling.lastAt = turn.now
  sa.request(turn, {
    type: Wire.EXCHANGE.INFORMATIONAL,
    payloads: [notice(ownMtu)],
    doing: { what: 'mtu', serial: ownMtu.serial },
  })
}

/** That it was answered is all that counts (RFC 7296 §1.4). */
export function mtuAnswered({ session }: IkeSa, { serial }: Extract<Doing, { readonly what: 'mtu' }>): void {
  const telling = session?.telling
  if (telling !== undefined) telling.known = Math.max(telling.known ?? 0, serial)
}

// ---- what the peer tells ----

/** From an authentic message. Of a peer that showed no Vendor ID of ours it is an unknown notify: RFC 7296 §3.10.1. */
export function takeMtu(turn: Turn, session: Session, payloads: readonly Wire.Payload[]): void {
  const { telling, current } = session
  const notify = Wire.findNotify(payloads, Wire.NOTIFY.BRUNEL_INNER_MTU)
  if (telling === undefined || notify === undefined) return
  const told = read(notify.data)
  if ('wrong' in told) return turn.drop('ike-mtu', current.remote, told.wrong)
  if (telling.theirs === undefined || told.serial > telling.theirs.serial) telling.theirs = told
}

function read(data: Uint8Array): ToldMtu | { readonly wrong: string } {
  if (data[0] !== VERSION) return { wrong: `version ${data[0]}` }
  if (data.length !== LENGTH) return { wrong: `${data.length} octets` }
  const mtu = Wire.readUint16(data, 2)
  return mtu < LEAST ? { wrong: `an MTU of ${mtu}` } : { mtu, serial: Wire.readUint32(data, 4) }
}

/**
 * What holds of the peer's: what it told last in the session that carries traffic. While there is none, and until a new
 * one has told, what it told before: the MTU of the interface does not leap at each set-up. A peer that does not
 * understand it has none.
 */
export function publishMtu(turn: Turn, control: PeerControl): void {
  const { session, toldMtu: before } = control
  const now = session === undefined ? before : session.telling && (session.telling.theirs?.mtu ?? before)
  if (now === before) return
  control.toldMtu = now
  turn.do({ do: 'peer-mtu', peer: control.peer.name, mtu: now })
}
