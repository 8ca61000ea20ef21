import { type Instant, instant } from '@brunel/base'
import { normalise } from '@brunel/config'
import t from 'tap'
import { TunnelMtuState } from './tunnel-mtu.js'

const peer = normalise({
  name: 'branch-7',
  local: { address: '192.0.2.1' },
  remote: { address: '198.51.100.7' },
  auth: { method: 'psk', psk: 'not a real secret' },
} as Parameters<typeof normalise>[0])

t.test(
  'what was learned of the path is forgotten with time; what goes wrong then is told and ends nothing',
  async t => {
    const bugs: unknown[] = []
    let [at, ring] = [instant(0), (): void => undefined]
    let now = instant(0)
    const state = new TunnelMtuState(peer, {
      now: () => now,
      alarm: {
        set: (when: Instant | undefined, then: () => void) => {
          at = when ?? instant(0)
          ring = then
        },
        clear: () => undefined,
      },
      onAged: () => {
        throw new Error('not so')
      },
      onBug: error => bugs.push(error),
    })
    state.tooBig(1400)
    t.same([state.current.mtu, at], [1322, 600_000])
    now = at
    ring()
    t.equal(state.current.mtu, 1414)
    t.match(bugs, [{ message: 'not so' }])
    t.equal(at, 601_000)
  },
)
