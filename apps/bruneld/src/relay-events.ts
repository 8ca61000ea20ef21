import type { RouterEvent } from '@brunel/admin-api'
import { assertNever } from '@brunel/base'
import { LAN, type Port, type PortState, type RelayEvent, type Speaker } from '@brunel/ospf-relay'
import type { RelayProblem } from './relay-edge.js'

/** undefined: the LAN. */
export const tunnelOf = (port: Port): string | undefined =>
  port === LAN ? undefined : port.slice('tunnel:'.length)

/** What a relay tells, as operators read it. `device`: its LAN interface. */
export function relayEvent(device: string, e: RelayEvent): RouterEvent {
  switch (e.type) {
    case 'port-state':
      return event('relay-port', device, [e.port], portText(device, e.port, e.state), { state: e.state })
    case 'relay-heard':
      return event('relay-heard', device, [e.port], `${relayText(device, e)} is heard`, { relay: e.id })
    case 'relay-gone':
      return event('relay-gone', device, [e.port], `${relayText(device, e)} is heard no longer`, {
        relay: e.id,
      })
    case 'claim-refuted':
      return event(
        'relay-claim-refuted',
        device,
        [e.port],
        `another relay claims to carry what nobody puts on ${device}; for five minutes ${tunnelOf(e.port)} is used in spite of it`,
        { remedy: `Look which router on ${device} sends beacons, and whether its tunnel carries.` },
      )
    case 'fail-fast':
      return event('relay-fail-fast', device, [e.port], failFastText(device, e), {
        told: e.told,
        untold: e.untold,
      })
    case 'adjacency-full':
      return event('ospf-full', device, portsOf(e.ends), `${pairText(e.ends)} are Full`, { ends: e.ends })
    case 'adjacency-lost':
      return event('ospf-lost', device, portsOf(e.ends), `${pairText(e.ends)} are Full no longer`, {
        ends: e.ends,
      })
    case 'finding': {
      const { code, sentence, remedy, sides } = e.finding
      return event('ospf-finding', device, portsOf(sides), sentence, { code, remedy, sides })
    }
    case 'finding-gone': {
      const { code, sentence, sides } = e.finding
      return event('ospf-finding-gone', device, portsOf(sides), `is so no longer: ${sentence}`, {
        code,
        sides,
      })
    }
    default:
      return assertNever(e)
  }
}

/** The LAN side of a relay: why nothing crosses it, or that it is open again. */
export function lanEvent(device: string, problem: RelayProblem | undefined): RouterEvent {
  if (problem === undefined) return event('relay-lan', device, [], `the relay of ${device} is open`, {})
  const { code, detail, remedy } = problem
  return event('relay-lan-failed', device, [], detail, { code, remedy })
}

/** `tunnel`: the first of the ports that is one. */
function event(
  name: string,
  device: string,
  ports: readonly Port[],
  detail: string,
  data: Readonly<Record<string, unknown>>,
): RouterEvent {
  const tunnel = ports.map(tunnelOf).find(one => one !== undefined) ?? null
  return { at: new Date().toISOString(), event: name, tunnel, detail, data: { interface: device, ...data } }
}

const portsOf = (speakers: readonly Speaker[]): readonly Port[] => speakers.map(({ port }) => port)

const pairText = (ends: readonly [Speaker, Speaker]): string =>
  ends.map(({ routerId, address }) => `${routerId} (${address})`).join(' and ')

function portText(device: string, port: Port, state: PortState): string {
  const tunnel = tunnelOf(port)
  const text: Readonly<Record<PortState, string>> = {
    down: `${tunnel} carries no data: nothing is relayed between it and ${device}`,
    listening: `the relay of ${device} listens whether another way leads where ${tunnel} leads`,
    standby: `another way leads where ${tunnel} leads and is used; the relay of ${device} keeps this one for later`,
    forwarding: `the relay of ${device} carries OSPF through ${tunnel}`,
  }
  return text[state]
}

function relayText(device: string, { port, id }: { readonly port: Port; readonly id: string }): string {
  const tunnel = tunnelOf(port)
  return tunnel === undefined ? `another relay on ${device} (${id})` : `a relay behind ${tunnel} (${id})`
}

function failFastText(device: string, e: Extract<RelayEvent, { type: 'fail-fast' }>): string {
  const tunnel = tunnelOf(e.port)
  const whom = tunnel === undefined ? 'the routers behind its tunnels were' : `${device} was`
  const told = e.told.length === 0 ? '' : `; ${whom} told that ${e.told.join(', ')} is gone`
  const untold =
    e.untold.length === 0
      ? ''
      : `; ${e.untold.join(', ')} authenticates, so that its dead interval has to run out`
  return `${tunnel === undefined ? `${device} has no link` : `${tunnel} carries no data`}${told}${untold}`
}
