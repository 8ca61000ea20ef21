import type { IkeEvent } from '@brunel/ikev2'
import type { Metrics } from '@brunel/metrics'
import t from 'tap'
import { countIkeEvent, RekeyTally } from './ike-tally.js'
import type { Tunnel } from './tunnel.js'

t.test('what IKE says of rekeys is counted in the metrics and for its tunnel', async t => {
  const said: unknown[][] = []
  const note = (...what: unknown[]) => void said.push(what)
  const metrics = { rekey: note, rekeyCollision: note } as unknown as Metrics
  const rekeys = new RekeyTally()
  const tunnel = { rekeys, rekeyed: () => undefined } as unknown as Tunnel
  const peer = 'branch-7'
  const child = { event: 'child-rekeyed', peer, spiIn: 1, replaced: 2 } as const
  const events: readonly IkeEvent[] = [
    { event: 'rekey-begun', peer, what: 'child' },
    { ...child, initiator: true },
    { ...child, initiator: false },
    { event: 'rekey-crossed', peer, what: 'child', redundant: 'ours' },
    { event: 'rekey-begun', peer, what: 'ike' },
    { event: 'rekey-deferred', peer, what: 'ike' },
    { event: 'rekey-crossed', peer, what: 'ike', redundant: 'theirs' },
    { event: 'ike-rekeyed', peer, spi: '', initiator: true },
  ]
  for (const event of events) countIkeEvent(event, metrics, tunnel)
  t.same(rekeys.child, { begun: 1, finished: 1, answered: 1, crossed: 1, redundant: 1, deferred: 0 })
  t.same(rekeys.ike, { begun: 1, finished: 1, answered: 0, crossed: 1, redundant: 0, deferred: 1 })
  t.same(said, [
    ['child', 'initiator'],
    ['child', 'responder'],
    ['child', 'ours'],
    ['ike', 'theirs'],
    ['ike', 'initiator'],
  ])
})
