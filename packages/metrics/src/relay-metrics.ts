import type { Reader, Sample } from './reader.js'
import type { RelayPortSnapshot, RelaySnapshot } from './source.js'

/** All of them, so that one which is not shows as 0. */
const PORT_STATES = ['down', 'listening', 'standby', 'forwarding'] as const

/** What the relays carry, and how the OSPF routers on them stand with one another. */
export function describeRelays(reader: Reader, relays: () => readonly RelaySnapshot[]): void {
  const of = ({ interface: device, group }: RelaySnapshot) => ({ interface: device, group })
  const each = (samples: (relay: RelaySnapshot) => readonly Sample[]) => () => relays().flatMap(samples)
  const port = (samples: (port: RelayPortSnapshot) => readonly Sample[]) =>
    each(relay =>
      relay.ports.flatMap(one =>
        samples(one).map(([labels, value]): Sample => [{ ...of(relay), port: one.port, ...labels }, value]),
      ),
    )
  const lan = ['interface', 'group']
  reader.counter(
    'brunel_relay_packets_total',
    'Packets of OSPF and other multicast that the relay took from a port (received) and gave to it (sent).',
    [...lan, 'port', 'direction'],
    port(({ received, sent }) => [
      [{ direction: 'received' }, received],
      [{ direction: 'sent' }, sent],
    ]),
  )
  reader.gauge(
    'brunel_relay_port_state',
    '1 for the state that the port is in: down, listening, standby, forwarding.',
    [...lan, 'port', 'state'],
    port(({ state }) => PORT_STATES.map((one): Sample => [{ state: one }, one === state ? 1 : 0])),
  )
  reader.gauge(
    'brunel_relay_heard',
    'Other relays that are heard on a port.',
    [...lan, 'port'],
    port(one => [[{}, one.relays]]),
  )
  reader.gauge(
    'brunel_relay_routes',
    'Routes of OSPF that data follows which comes in by the port.',
    [...lan, 'port'],
    port(one => [[{}, one.routes]]),
  )
  reader.gauge(
    'brunel_ospf_neighbours',
    'States that OSPF routers behind a port have for those behind the others, each direction apart.',
    [...lan, 'port', 'state'],
    each(relay =>
      relay.neighbours.map(({ count, ...labels }): Sample => [{ ...of(relay), ...labels }, count]),
    ),
  )
  reader.gauge(
    'brunel_ospf_adjacencies_full',
    'Pairs of OSPF routers on two ports that are Full in both directions.',
    lan,
    each(relay => [[of(relay), relay.adjacencies]]),
  )
  reader.gauge(
    'brunel_ospf_findings',
    'Where OSPF routers disagree at this moment, by code.',
    [...lan, 'code'],
    each(relay => relay.findings.map(({ code, count }): Sample => [{ ...of(relay), code }, count])),
  )
}
