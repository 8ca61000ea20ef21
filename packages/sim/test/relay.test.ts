import { instant } from '@brunel/base'
import type { Finding, RelayEffect } from '@brunel/ospf-relay'
import {
  addFigures,
  NO_RELAY_FIGURES,
  type RelayPlan,
  type RelaySabotage,
  relayFailure,
  relayPlan,
  simulateRelay,
} from '@brunel/sim'
import t from 'tap'

/** 10,000 by `npm run sim -- --relay --seeds 10000`. */
const SEEDS = 16

t.test(
  `RFC 2328 §8.1, §10.6, §10.7, §10.8, §13.5: with 1 % loss for 1,000 s what relays join becomes and stays Full: seeds 1 to ${SEEDS}`,
  async t => {
    let figures = NO_RELAY_FIGURES
    for (let seed = 1; seed <= SEEDS; seed++) {
      const played = simulateRelay(relayPlan(seed))
      figures = addFigures(figures, played.figures)
      if (played.violation !== undefined) t.fail(relayFailure(relayPlan(seed)))
    }
    t.comment(JSON.stringify(figures))
    t.ok(
      figures.virtualSeconds >= 1210 * SEEDS && figures.relayed > 1000 * SEEDS,
      'the plans do what they are for',
    )
  },
)

/** Machines broken on purpose: a simulation that does not notice proves nothing. */
const STILL: RelayPlan = {
  ...relayPlan(1),
  sites: 3,
  type: 'broadcast',
  routers: [0, 1, 2].map(site => ({ site, priority: 1, startAt: 0, externals: 3 })),
  failFast: true,
  happenings: [{ at: 200_000, until: 260_000, what: 'line', site: 1 }],
}

const NOTHING: Finding = {
  code: 'BRUNEL_OSPF_AREA',
  sentence: 'nothing',
  remedy: '',
  sides: [],
  since: instant(0),
}

type Send = Extract<RelayEffect, { readonly do: 'send' }>
const isUnicast = ({ packet }: Send): boolean => (packet[16] as number) < 224
const sends = (change: (send: Send) => readonly RelayEffect[]): RelaySabotage => {
  return effects => effects.flatMap(effect => (effect.do === 'send' ? change(effect) : [effect]))
}
const altered = (send: Send, at: number): Send => {
  const packet = send.packet.slice()
  packet[at] = (packet[at] as number) ^ 1
  return { ...send, packet }
}

for (const [name, sabotage, seen] of [
  ['drops every unicast', sends(send => (isUnicast(send) ? [] : [send])), /should be Full/],
  ['drops every multicast', sends(send => (isUnicast(send) ? [send] : [])), /should be Full|Designated/],
  [
    'sends back where it came from',
    (effects, input) =>
      input.on === 'packet' ? [...effects, { do: 'send', port: input.port, packet: input.packet }] : effects,
    /sends twice, or back|relays its own words/,
  ],
  ['sends everything twice', sends(send => [send, send]), /sends twice, or back/],
  ['changes an octet of OSPF', sends(send => [altered(send, 40)]), /changes a packet/],
  ['changes the TTL', sends(send => [altered(send, 8)]), /changes a packet/],
  [
    'leaves one tunnel of a hub out',
    sends(send => (send.port === 'tunnel:site-2' ? [] : [send])),
    /should be Full|Designated/,
  ],
  [
    'answers ARP for nobody',
    effects => effects.filter(effect => effect.do !== 'neighbour'),
    /should be Full/,
  ],
  [
    'keeps its last words to itself',
    (effects, input) =>
      input.on === 'tunnel-state' ? effects.filter(effect => effect.do !== 'send') : effects,
    /still adjacent/,
  ],
  [
    'finds what is not there',
    effects => [...effects, { do: 'event', event: { type: 'finding', finding: NOTHING } }],
    /the doctor of LAN \d: nothing/,
  ],
] satisfies readonly (readonly [string, RelaySabotage, RegExp])[])
  t.test(`RFC 2328 §8.1: a relay that ${name} is found out`, async t => {
    t.match(simulateRelay(STILL, sabotage).violation?.what, seen)
  })

t.test('and the unbroken one is not', async t => {
  t.equal(simulateRelay(STILL).violation, undefined)
})
