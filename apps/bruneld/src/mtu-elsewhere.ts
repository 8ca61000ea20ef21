import type { MtuReport } from '@brunel/admin-api'
import { IPV6_MINIMUM } from '@brunel/mtu'

/** What to write on a router that cannot be told: TUNNEL stands for the name of the interface there. */
export const elsewhere = (mtu: number): MtuReport['elsewhere'] => [
  { system: 'Linux (strongSwan, FRR, BIRD)', commands: [`ip link set dev TUNNEL mtu ${mtu}`] },
  {
    system: 'Cisco IOS XE',
    commands: [
      'interface TUNNEL',
      ` ip mtu ${mtu}`,
      ...(mtu < IPV6_MINIMUM ? [] : [` ipv6 mtu ${mtu}`]),
      ` ip tcp adjust-mss ${mtu - 40}`,
    ],
  },
  { system: 'MikroTik RouterOS', commands: [`/interface gre set TUNNEL mtu=${mtu}`] },
  { system: 'VyOS', commands: [`set interfaces tunnel TUNNEL mtu ${mtu}`] },
]
