import type { Channel } from './channel.js'
import { forgetSteps } from './exchanges/follow-up.js'
import { wipeIkeKeys } from './key-schedule.js'
import type { IkeSa } from './sa.js'
import type { Stage } from './sa-stage.js'

/**
 * Erases what an IKE SA that ends still holds: keys, private values, secrets under way (RFC 7296 §2.12); and lets go
 * of the SPIs of children that were asked for. `was`: its stage.
 */
export function erase(sa: IkeSa, was: Stage, former: Channel | undefined): void {
  const { host, outgoing, agreed } = sa
  if (was.is === 'initiating') was.init.keyPair.wipe()
  if (was.is === 'authenticating' && was.auth.offer !== undefined) host.freeChildSpi(was.auth.offer.spiIn)
  const doing = outgoing?.doing
  if (doing !== undefined && 'offer' in doing) doing.offer.keyPair?.wipe()
  if (doing?.what === 'create-child' || doing?.what === 'rekey-child') host.freeChildSpi(doing.offer.spiIn)
  if (doing?.what === 'intermediate') doing.keyPair.wipe()
  if (doing?.what === 'rekey-ike') forgetSteps(sa, doing.offer.following)
  forgetSteps(sa, sa.awaited)
  former?.wipe()
  if (agreed === undefined) return
  agreed.channel.wipe()
  wipeIkeKeys(host.ports.crypto, agreed.keys)
}
