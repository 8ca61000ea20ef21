import type { Problem } from '@brunel/base'
import { problem, type Rule } from './rule.js'
import { isInterfaceName, isPeerName } from './values.js'

/** What `ospfRelay` says wrong: by itself, and between two peers. */

const OTHER_INTERFACE = 'Write the interface of the LAN where the OSPF neighbours are.'

const lanInterface: Rule = ({ ospfRelay, tunnel }) => {
  if (ospfRelay === undefined) return []
  const bad = (detail: string, remedy: string) => [
    problem('/ospfRelay/interface', 'BRUNEL_CONFIG_INTERFACE', detail, remedy),
  ]
  if (ospfRelay.interface === 'lo') return bad('lo is the loopback interface and no LAN.', OTHER_INTERFACE)
  if (!isInterfaceName(ospfRelay.interface)) {
    const detail = `"${ospfRelay.interface}" cannot be the name of an interface.`
    return bad(detail, 'Write the name that `ip link` shows, at most 15 characters.')
  }
  return ospfRelay.interface === tunnel.interface
    ? bad(`${ospfRelay.interface} is the tunnel of this peer and no LAN.`, OTHER_INTERFACE)
    : []
}

const groupName: Rule = ({ ospfRelay }) =>
  ospfRelay === undefined || ospfRelay.group === ospfRelay.interface || isPeerName(ospfRelay.group)
    ? []
    : [
        problem(
          '/ospfRelay/group',
          'BRUNEL_CONFIG_NAME',
          `"${ospfRelay.group}" is not a name for a group.`,
          'Use a letter or digit, then letters, digits, `.`, `_` and `-`, at most 63 in all; or leave it out.',
        ),
      ]

export const RELAY_RULES: readonly Rule[] = [lanInterface, groupName]

/** What of a peer concerns the relays of others. */
export interface RelayFacts {
  readonly name: string
  readonly interface: string
  readonly relay: { readonly interface: string; readonly group: string } | undefined
}

const ONE_SEGMENT = 'Give both the same `interface` and the same `group`, or two others of each.'

/** One LAN is one segment: a packet that two groups took would be on it twice. */
export function relayProblemsBetween(peer: RelayFacts, other: RelayFacts): Problem[] {
  const found: Problem[] = []
  const { relay } = peer
  if (peer.name === other.name) return found
  if (relay !== undefined && relay.interface === other.interface) {
    const detail = `${relay.interface} is the tunnel of "${other.name}" and no LAN.`
    found.push(problem('/ospfRelay/interface', 'BRUNEL_CONFIG_INTERFACE', detail, OTHER_INTERFACE))
  }
  if (other.relay?.interface === peer.interface) {
    const detail = `The OSPF relay of "${other.name}" uses ${peer.interface} as its LAN.`
    const remedy = 'Give the tunnel another `interface`.'
    found.push(problem('/tunnel/interface', 'BRUNEL_CONFIG_INTERFACE', detail, remedy))
  }
  if (relay === undefined || other.relay === undefined) return found
  const sameGroup = relay.group === other.relay.group
  const sameInterface = relay.interface === other.relay.interface
  if (sameGroup && !sameInterface) {
    const detail = `The group "${relay.group}" has the LAN ${other.relay.interface} with "${other.name}", and ${relay.interface} here.`
    found.push(problem('/ospfRelay/interface', 'BRUNEL_CONFIG_RELAY', detail, ONE_SEGMENT))
  }
  if (sameInterface && !sameGroup) {
    const detail = `The LAN ${relay.interface} belongs to the group "${other.relay.group}" with "${other.name}", and to "${relay.group}" here.`
    found.push(problem('/ospfRelay/group', 'BRUNEL_CONFIG_RELAY', detail, ONE_SEGMENT))
  }
  return found
}
