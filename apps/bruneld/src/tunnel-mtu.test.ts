import { type Instant, instant } from '@brunel/base'
import { normalise } from '@brunel/config'
import t from 'tap'
import { elsewhere } from './mtu-elsewhere.js'
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

t.test('both ends use the lower MTU, and MSS and report with it; what is told stays our own', async t => {
  const never = (): void => void t.fail('nothing is due')
  const state = new TunnelMtuState(peer, {
    now: () => instant(0),
    alarm: { set: () => undefined, clear: () => undefined },
    onAged: never,
    onBug: never,
  })
  t.match(state.current, { mtu: 1422, own: 1422, report: { theirs: null } })
  state.told(1322)
  t.match(state.current, { mtu: 1322, own: 1422, mss: { ipv4: 1282, ipv6: 1262 }, report: { theirs: 1322 } })
  t.match(state.current.sentence, /^1322 octets, told by the peer \(ours is 1422, computed\); TCP/)
  t.match(state.current.report.lines.at(-1), /1322 {2}told by the peer/)
  t.equal(state.takeChange(), true)
  state.underlay(1300)
  t.match(state.current, { mtu: 1222, own: 1222 })
  state.told(1500)
  t.match(state.current.sentence, /^1222 octets, computed; TCP/)
  state.underlay(1500)
  state.told(undefined)
  t.match(state.current, { mtu: 1422, own: 1422, report: { theirs: null } })
})

t.test('what the operator of another kind of router has to write, with the number', async t => {
  const commands = (mtu: number): string[] => elsewhere(mtu).flatMap(one => one.commands.map(c => c.trim()))
  for (const command of ['ip link set dev TUNNEL mtu 1422', 'ip mtu 1422', 'ipv6 mtu 1422'])
    t.ok(commands(1422).includes(command), command)
  t.notOk(
    commands(1200).some(command => command.startsWith('ipv6')),
    'RFC 7676 §3.2: no IPv6 below 1280',
  )
})
