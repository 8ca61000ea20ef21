import { familyOf } from '@brunel/base'
import type { DatapathEvent } from '@brunel/datapath'
import type { Child } from '@brunel/ikev2'

export type TooBigEvent = Extract<DatapathEvent, { on: 'too-big' }>

/** From whom unauthenticated "too big" is accepted: RFC 4301 §6.1.1 wants it to be the administrator's choice, by type. */
export const ICMP_CHOICES = ['both', 'ipv4', 'ipv6', 'none'] as const
export type IcmpChoice = (typeof ICMP_CHOICES)[number]

/** ICMP 3/4 by the family of the peer's address, ICMPv6 2 alike. All other types of ICMP change nothing ever. */
export const accepts = (choice: IcmpChoice, { remote }: TooBigEvent): boolean =>
  choice === 'both' || choice === `ipv${familyOf(remote.address)}`

/**
 * Whether the ICMP quotes a packet of this child, RFC 4301 §8.2.2: by the SPI that we send with, or, in UDP, where the
 * quote ends before it or holds IKE, by our port pair. Whoever cannot see the SPI cannot lower the MTU of protocol 50.
 */
export function quotes(
  event: TooBigEvent,
  child: Pick<Child, 'spiOut' | 'encapsulation' | 'remote'>,
): boolean {
  if (event.remote.address !== child.remote.address) return false
  if (event.spi !== 0) return event.spi >>> 0 === child.spiOut >>> 0
  return child.encapsulation === 'udp' && event.remote.port === child.remote.port
}
