import { isDrop } from '@brunel/base'
import { Ike as Wire } from '@brunel/wire'
import { type Datagram, Lab } from './lab.js'
import { inside, resealed } from './wire-tap.js'

/** Messages without fragments, so that ladders are short and a test can look inside. */
export const WHOLE = { datagram4: 9000 }

/** B's or A's message as the wire changed it, payloads in the clear. */
export function changing(
  match: RegExp,
  change: (payloads: readonly Wire.Payload[], d: Datagram) => readonly Wire.PlainPayload[],
): { readonly lab: Lab; run(ike: readonly string[]): Lab } {
  const lab: Lab = new Lab({
    settings: WHOLE,
    rule: d => {
      if (!match.test(d.text)) return undefined
      const header = Wire.parseHeader(d.bytes)
      if (isDrop(header)) return undefined
      const payloads = change(inside(d.bytes), d)
      const bytes =
        header.exchangeType === Wire.EXCHANGE.IKE_SA_INIT
          ? Wire.emitMessage(header, payloads)
          : resealed(d.bytes, payloads)
      lab.at(lab.now, () => lab.deliver({ ...d, bytes }))
      return []
    },
  })
  return {
    lab,
    run(ike) {
      lab.both({ ike })
      lab.run(3000)
      return lab
    },
  }
}

export const without = (notifyType: number) => (payloads: readonly Wire.Payload[]) =>
  payloads.filter(p => p.type !== 'N' || p.notifyType !== notifyType) as readonly Wire.PlainPayload[]
