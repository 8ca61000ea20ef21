import { forgetAwaited, forgetSteps } from './exchanges/follow-up.js'
import { wipeIkeKeys } from './key-schedule.js'
import type { IkeSa } from './sa.js'
import type { Doing, Stage } from './sa-stage.js'

/**
 * RFC 7296 §2.12: the private values of a request that nobody waits for any more, and the SPI of its child. What it was
 * to say of addresses is said on the IKE SA that goes on (RFC 4555 §3.5).
 */
export function eraseRequest(sa: IkeSa, doing: Doing | undefined): void {
  if (doing === undefined) return
  if (doing.what === 'mobike' && sa.session !== undefined) {
    sa.session.mobility?.again(doing)
    sa.session.current.intents.add({ want: 'mobike' })
  }
  if ('offer' in doing) doing.offer.keyPair?.wipe()
  if (doing.what === 'intermediate') doing.keyPair.wipe()
  if ('offer' in doing) forgetSteps(sa, doing.offer.following)
  if (doing.what === 'create-child' || doing.what === 'rekey-child') sa.host.childSpis.free(doing.offer.spiIn)
}

/** The child that IKE_AUTH asked for does not come. */
export function dropFirstChild(sa: IkeSa, { auth }: Extract<Stage, { readonly is: 'authenticating' }>): void {
  if (auth.offer !== undefined) sa.host.childSpis.free(auth.offer.spiIn)
}

/** RFC 7296 §2.12: closing an IKE SA erases its keys and the private values behind them. */
export function eraseSa(sa: IkeSa, was: Stage): void {
  if (was.is === 'initiating') was.init.keyPair.wipe()
  if (was.is === 'authenticating') dropFirstChild(sa, was)
  eraseRequest(sa, sa.outgoing?.doing)
  forgetAwaited(sa)
  if (sa.agreed === undefined) return
  sa.agreed.channel.wipe()
  wipeIkeKeys(sa.host.ports.crypto, sa.agreed.keys)
}
