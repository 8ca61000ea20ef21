import type { OspfFinding, OspfNeighbour, RelayReport, TunnelRelayReport } from '@brunel/admin-api'
import { moment, table } from '../words.js'

/** The OSPF relay for people. */

export function relaysText(relays: readonly RelayReport[], now: Date): string {
  if (relays.length === 0)
    return 'No LAN is joined to a tunnel. `brunel peer edit NAME --ospf-relay INTERFACE` does so at each end: see docs/ospf-relay.md.'
  return relays.map(relay => relayText(relay, now).join('\n')).join('\n\n')
}

const relayText = (relay: RelayReport, now: Date): readonly string[] => [
  `${relay.interface}, group ${relay.group}, relay ${relay.id}`,
  ...problemText(relay),
  ...relay.warnings.flatMap(problem => problemText({ problem })),
  ...(relay.lanRelays.length === 0 ? [] : [`other relays on this LAN: ${relay.lanRelays.join(', ')}`]),
  '',
  table(
    ['PORT', 'STATE', 'IN', 'OUT', 'ROUTES', 'FAR RELAY'],
    relay.ports.map(({ port, state, received, sent, routes, farRelay }) => [
      portText(port),
      state,
      String(received),
      String(sent),
      String(routes),
      farRelay ?? '-',
    ]),
  ),
  ...missingText(relay.areas),
  '',
  ...neighboursText(relay.neighbours, now),
  ...countsText(
    'carried and not read',
    relay.unread.map(({ reason, count }) => `${count} ${reason}`),
  ),
  ...countsText(
    'not carried',
    relay.drops.map(({ port, reason, count }) => `${count} ${reason} (${portText(port)})`),
  ),
  ...verdictText(relay, now),
]

const problemText = ({ problem }: Pick<RelayReport, 'problem'>): readonly string[] =>
  problem === null ? [] : [`${problem.detail} (${problem.code})`, `  ${problem.remedy}`]

const portText = (port: string): string => port.replace(/^tunnel:/, '')

const countsText = (what: string, counts: readonly string[]): readonly string[] =>
  counts.length === 0 ? [] : [`${what}: ${counts.join(', ')}`]

const missingText = (areas: RelayReport['areas']): readonly string[] =>
  areas
    .filter(({ missing }) => missing > 0)
    .map(
      ({ version, area, missing, missingNames }) =>
        `OSPFv${version}, area ${area}: ${missing === 1 ? 'one LSA' : `${missing} LSAs`} of the routers did not pass here, so that routes may be missing until all is said again, within half an hour: ${missingNames.join(', ')}`,
    )

/** Where data goes that comes in by each port. */
export function relayRoutesText(relays: readonly RelayReport[]): string {
  const rows = relays.flatMap(relay =>
    relay.routes.map(({ port, to, via, neighbour, kind, cost }) => [
      relay.interface,
      portText(port),
      to,
      portText(via),
      neighbour,
      kind,
      String(cost),
    ]),
  )
  if (rows.length === 0)
    return 'Data follows no routes of OSPF: none has passed, or the routers are not adjacent.'
  const total = relays.flatMap(({ ports }) => ports).reduce((sum, { routes }) => sum + routes, 0)
  const shown = table(['LAN', 'COMES BY', 'TO', 'GOES BY', 'NEXT ROUTER', 'KIND', 'COST'], rows)
  return total === rows.length
    ? shown
    : `${shown}\n${total - rows.length} more: \`ip rule\` names the tables, \`ip route show table …\` shows them.`
}

/** One line a router; its states for the others, and theirs for it, are at its end. */
function neighboursText(neighbours: readonly OspfNeighbour[], now: Date): readonly string[] {
  if (neighbours.length === 0) return ['No OSPF router is heard.']
  const rows = neighbours.map(n => [
    n.routerId,
    n.address,
    portText(n.port),
    `v${n.version}`,
    n.area,
    n.hello === null ? '-' : `${n.hello.helloInterval}/${n.hello.deadInterval} s`,
    String(n.mtu ?? '-'),
    n.authentication,
    `${moment(n.heardAt, now)}${n.silentSince === null ? '' : ', silent'}`,
    statesText(n, neighbours),
  ])
  const head = ['ROUTER', 'ADDRESS', 'PORT', 'OSPF', 'AREA', 'HELLO/DEAD', 'MTU', 'AUTHENTICATION', 'HEARD']
  return [table([...head, 'ITS STATE / STATE OF THE OTHER'], rows), ...hellosText(neighbours)]
}

/** What else their Hellos say. */
function hellosText(neighbours: readonly OspfNeighbour[]): readonly string[] {
  const rows = neighbours.flatMap(({ routerId, address, hello }) => {
    if (hello === null) return []
    const { mask, options, areaKind, priority, designatedRouter, backupDesignatedRouter } = hello
    const leaders = [designatedRouter, backupDesignatedRouter].map(one => (one === '0.0.0.0' ? '-' : one))
    return [
      [routerId, address, mask ?? '-', `0x${options.toString(16)}, ${areaKind}`, `${priority}`, ...leaders],
    ]
  })
  if (rows.length === 0) return []
  return ['', table(['ROUTER', 'ADDRESS', 'MASK', 'OPTIONS, AREA', 'PRIORITY', 'DR', 'BDR'], rows)]
}

/** More routers than this in one state are counted: on a segment of thirty nobody reads their names. */
const MOST_NAMED = 3

/** `named`: how a router is put behind its state. */
function grouped(states: readonly (readonly [state: string, routerId: string])[], named: string): string {
  const groups = new Map<string, string[]>()
  for (const [state, routerId] of states) groups.set(state, [...(groups.get(state) ?? []), routerId])
  return [...groups]
    .flatMap(([state, ids]) =>
      (ids.length > MOST_NAMED ? [`${ids.length} routers`] : ids).map(who => `${state}${named}${who}`),
    )
    .join(', ')
}

const statesText = (n: OspfNeighbour, all: readonly OspfNeighbour[]): string =>
  grouped(
    n.states.map(one => [`${one.state} / ${stateOf(all, one.address, n)}`, one.routerId]),
    ' ',
  ) || '-'

/** The state that the router at `address` has for `n`. */
const stateOf = (all: readonly OspfNeighbour[], address: string, n: OspfNeighbour): string =>
  all
    .find(one => one.address === address && one.version === n.version && one.instance === n.instance)
    ?.states.find(one => one.address === n.address)?.state ?? '?'

/** Routers are compared across ports: where all that are heard are on one, nobody can agree. */
function verdictText({ findings, neighbours }: RelayReport, now: Date): readonly string[] {
  if (findings.length > 0) return ['', ...findingsText(findings, now)]
  if (neighbours.length === 0) return []
  const [one, ...more] = new Set(neighbours.map(({ port }) => portText(port)))
  return [
    '',
    more.length > 0 ? 'The routers agree.' : `Nothing to compare: routers are heard by ${one} only.`,
  ]
}

function findingsText(findings: readonly OspfFinding[], now: Date): readonly string[] {
  return findings.flatMap(({ sentence, code, remedy, since }) => [
    `${sentence} (${code}, ${moment(since, now)})`,
    `  ${remedy}`,
  ])
}

/** What a tunnel has to do with it. */
export function tunnelRelayText(relay: TunnelRelayReport | null, now: Date): readonly string[] {
  if (relay === null) return []
  const { interface: lan, group, state, farRelay, neighbours, findings } = relay
  const far = farRelay === null ? '' : `, relay ${farRelay} at the far end`
  return [
    '',
    `OSPF relay: ${state} between ${lan} and the tunnel, group ${group}${far}`,
    ...problemText(relay),
    ...neighbours.map(n => `  ${neighbourText(n)}`),
    ...findingsText(findings, now),
  ]
}

function neighbourText({
  routerId,
  address,
  area,
  hello,
  mtu,
  authentication,
  states,
}: OspfNeighbour): string {
  const timers = hello === null ? '' : `, hello ${hello.helloInterval} s, dead ${hello.deadInterval} s`
  const has = grouped(
    states.map(one => [one.state, one.routerId]),
    ' with ',
  )
  return `${routerId} (${address}): area ${area}${timers}, MTU ${mtu ?? 'not seen'}, authentication ${authentication}${has && `; ${has}`}`
}
