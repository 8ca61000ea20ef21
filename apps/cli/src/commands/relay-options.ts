import { type Command, Option } from 'commander'

/** `ospfRelay` of the peer document by options of `brunel peer add` and `brunel peer edit`. */

export interface RelayOptions {
  /** The LAN; `false`: the LAN and the tunnel are joined no more. */
  readonly ospfRelay?: string | false
  readonly relayGroup?: string
  readonly relayMulticast?: string[]
  readonly relayBfd?: boolean
  readonly relayFailFast?: boolean
  readonly relayForward?: boolean
}

export const relayOptions = (command: Command): Command =>
  command
    .option('--ospf-relay <interface>', 'OSPF routers on this LAN meet those behind the peer')
    .option('--no-ospf-relay', 'they do not')
    .option('--relay-group <name>', 'name of the segment; else that of the interface')
    .addOption(
      new Option('--relay-multicast <protocols...>', 'what else is relayed, or `none`').choices([
        'pim',
        'rip',
        'eigrp',
        'vrrp',
        'none',
      ]),
    )
    .option('--relay-bfd', 'BFD between the routers is relayed too')
    .option('--no-relay-bfd', 'it is not')
    .option('--relay-fail-fast', 'neighbours behind a tunnel without data are let die at once')
    .option('--no-relay-fail-fast', 'after their dead interval')
    .option('--relay-forward', 'data follows the routes that OSPF brings; the default')
    .option('--no-relay-forward', 'data follows routes of your own')

/** `null` takes the member away (RFC 7396). */
export const relayPatch = (options: RelayOptions): Record<string, unknown> | null =>
  options.ospfRelay === false
    ? null
    : {
        interface: options.ospfRelay,
        group: options.relayGroup,
        multicast: options.relayMulticast?.filter(word => word !== 'none'),
        bfd: options.relayBfd,
        failFast: options.relayFailFast,
        forward: options.relayForward,
      }
