import type { Endpoint, IkeSpi } from '@brunel/base'
import { isDrop } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { type Datagram, Lab, type LabOptions, type PeerChange, type Router } from './lab.js'
import { resealed } from './wire-tap.js'

/** What one router could have said and did not: broken, hostile or merely rare. */
export interface Saying {
  readonly exchange?: number
  readonly response?: boolean
  readonly messageId?: number
  /** Unprotected. */
  readonly clear?: boolean
  readonly from?: Endpoint
}

export const { EXCHANGE, NOTIFY } = Wire

/** Two routers with an IKE SA and a child; the ladder begins after it. */
export function up(options: LabOptions = {}, change: Partial<PeerChange> = {}, onlyB = {}): Lab {
  const lab = new Lab(options)
  lab.both(change, onlyB)
  lab.run(1000)
  if (lab.a.children.size !== 1 || lab.b.children.size !== 1) throw new Error(lab.ladder.join('\n'))
  lab.ladder.length = 0
  lab.sent.length = 0
  return lab
}

/** The one IKE SA of a router, as it reports it. */
export function saOf(lab: Lab, router: Router) {
  const [sa] = router.ike.report(lab.other(router).name)?.sas ?? []
  if (sa === undefined) throw new Error(`${router.name} has no IKE SA`)
  return sa
}

/** A well sealed message from `router`, which knows nothing of it. */
export function forge(
  lab: Lab,
  router: Router,
  payloads: readonly Wire.PlainPayload[],
  saying: Saying = {},
): Uint8Array {
  const sa = saOf(lab, router)
  const bytes = Wire.emitMessage(
    {
      spiInitiator: sa.spiInitiator as IkeSpi,
      spiResponder: sa.spiResponder as IkeSpi,
      exchangeType: saying.exchange ?? EXCHANGE.INFORMATIONAL,
      initiator: sa.initiator,
      response: saying.response ?? false,
      messageId: saying.messageId ?? (sa.initiator ? 2 : 0),
    },
    payloads,
  )
  return saying.clear === true ? bytes : resealed(bytes, payloads)
}

/** Gives a message to a router; what it sends at once. */
export function hand(
  lab: Lab,
  to: Router,
  bytes: Uint8Array,
  from: Endpoint = { address: lab.other(to).address, port: 500 },
  port: 500 | 4500 = 500,
): readonly Datagram[] {
  const before = lab.sent.length
  const local = { address: to.address, port }
  lab.feed(to, { on: 'datagram', bytes, local, remote: from })
  return lab.sent.slice(before)
}

/** `router` says this to the other; what that one sends at once. */
export const say = (
  lab: Lab,
  router: Router,
  payloads: readonly Wire.PlainPayload[],
  saying: Saying = {},
): readonly Datagram[] => hand(lab, lab.other(router), forge(lab, router, payloads, saying), saying.from)

/** The first datagram whose description begins so is changed on the way. */
export function tamper(lab: Lab, begins: string, change: (bytes: Uint8Array) => Uint8Array): void {
  let done = false
  const { rule } = lab
  lab.rule = (datagram, nth) => {
    if (done || !`${datagram.sender} ${datagram.text}`.startsWith(begins)) return rule(datagram, nth)
    done = true
    const bytes = change(datagram.bytes.slice())
    lab.at((lab.now + 10) as typeof lab.now, () => lab.deliver({ ...datagram, bytes }))
    return []
  }
}

/** The payloads of an unprotected message, changed; its header kept. */
export function rewritten(
  bytes: Uint8Array,
  change: (payloads: readonly Wire.PlainPayload[]) => readonly Wire.PlainPayload[],
): Uint8Array {
  const message = Wire.parseMessage(bytes)
  if (isDrop(message)) throw new Error(message)
  return Wire.emitMessage(message.header, change(message.payloads as readonly Wire.PlainPayload[]))
}

export const textOf = (datagrams: readonly Datagram[]): readonly string[] => datagrams.map(d => d.text)
