import type { Channel } from './channel.js'
import { forgetSteps } from './exchanges/follow-up.js'
import { wipeIkeKeys } from './key-schedule.js'
import type { IkeSa } from './sa.js'
import type { InFlight, Stage } from './sa-stage.js'

/** What an IKE SA leaves behind when it is forgotten: no key (RFC 7296 §2.12) and no SPI of a child that never came. */
export function bury(sa: IkeSa, was: Stage, former: Channel | undefined): void {
  if (was.is === 'initiating') was.init.keyPair.wipe()
  if (was.is === 'authenticating') dropFirstChild(sa, was)
  if (sa.outgoing !== undefined) dropFlight(sa, sa.outgoing)
  forgetSteps(sa, sa.awaited)
  former?.wipe()
  if (sa.agreed === undefined) return
  sa.agreed.channel.wipe()
  wipeIkeKeys(sa.host.ports.crypto, sa.agreed.keys)
}

/** The child that IKE_AUTH asked for does not come. */
export function dropFirstChild(sa: IkeSa, { auth }: Extract<Stage, { readonly is: 'authenticating' }>): void {
  if (auth.offer !== undefined) sa.host.freeChildSpi(auth.offer.spiIn)
}

/** Nobody waits for the answer to this request any more. */
export function dropFlight(sa: IkeSa, { doing }: InFlight): void {
  if ('offer' in doing) doing.offer.keyPair?.wipe()
  if (doing.what === 'intermediate') doing.keyPair.wipe()
  if (doing.what === 'rekey-ike') forgetSteps(sa, doing.offer.following)
  if (doing.what === 'create-child' || doing.what === 'rekey-child') sa.host.freeChildSpi(doing.offer.spiIn)
}
