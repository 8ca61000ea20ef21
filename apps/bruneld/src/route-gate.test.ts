import { instant } from '@brunel/base'
import t from 'tap'
import { type GateView, RouteGate } from './route-gate.js'

const GOOD: GateView = { stands: true, silent: false }
const GONE: GateView = { stands: false, silent: false }
const SILENT: GateView = { stands: true, silent: true }

/** Looks every half second, as the daemon does; answers what the gate was at each look. */
function looked(...views: readonly (readonly [GateView, number])[]): string {
  const gate = new RouteGate(instant(0))
  let now = 0
  const said: string[] = []
  for (const [view, times] of views)
    for (let i = 0; i < times; i++) {
      now += 500
      said.push(gate.look(instant(now), view) ? 'o' : '-')
    }
  return said.join('')
}

t.test('routes are there from the start, and leave where the first negotiation comes to nothing', async t => {
  t.equal(looked([GONE, 4], [GOOD, 2]), 'oooooo')
  t.equal(looked([GONE, 12], [GOOD, 2]), 'ooooooooo---oo')
})

t.test('they leave when the SAs are gone for more than a moment, and are back with them', async t => {
  t.equal(looked([GOOD, 2], [GONE, 1], [GOOD, 2]), 'ooooo', 'a reauthentication without overlap')
  t.equal(looked([GOOD, 2], [GONE, 3], [GOOD, 2]), 'ooo--oo')
})

t.test('SAs that stand are not enough where the relay at the far end is silent', async t => {
  t.equal(looked([GOOD, 1], [SILENT, 3], [GOOD, 1]), 'oo--o')
})

t.test('a tunnel that comes and goes waits before it takes the traffic again', async t => {
  const turn: readonly (readonly [GateView, number])[] = [
    [GOOD, 1],
    [GONE, 2],
  ]
  t.equal(looked(...turn, ...turn, ...turn, [GOOD, 21]), `oo-oo-oo-${'-'.repeat(19)}oo`)
})
