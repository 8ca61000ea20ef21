import { octets } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import { hello, ip, ospf, type Router, udp } from './packets.js'
import { Rig } from './rig.js'

const A: Router = { address: '10.9.0.1', id: '1.1.1.1' }
const B: Router = { address: '10.9.0.2', id: '2.2.2.2' }
const ack = (from: Router, to: Router): Uint8Array => ospf(from, to.address, 5, octets(''))
const numbered = (n: number): Router => ({
  address: `10.8.${n >> 8}.${n & 255}`,
  id: `8.8.${n >> 8}.${n & 255}`,
})

t.test(
  'RFC 2328 §8.1: a far neighbour is announced once, and withdrawn four dead intervals after its last word',
  async t => {
    const rig = new Rig(['x'])
    t.match(rig.hears('x', hello(B, [], { dead: 4 })), ['10.9.0.2 is behind tunnel:x'])
    t.notMatch(rig.hears('x', hello(B, [], { dead: 4 })).join(), 'behind')
    rig.run(15_000)
    t.same(rig.hears('lan', ack(A, B)), ['tunnel:x: 10.9.0.1 > 10.9.0.2'])
    rig.run(3000)
    t.same(rig.hears('lan', ack(A, B)), ['relay-unknown-destination'])
    t.match(rig.effects, [{ do: 'neighbour', present: true }].slice(1))
    t.same(
      rig.effects.filter(e => e.do === 'neighbour').map(e => e.do === 'neighbour' && e.present),
      [true, false],
    )
  },
)

t.test('RFC 5881 §5: a source that sends no Hello is kept for three minutes', async t => {
  const rig = new Rig([{ tunnel: 'x', bfd: true }])
  const bfd = ip(B.address, A.address, udp(3784), { protocol: 17, ttl: 255 })
  rig.hears('lan', hello(A))
  t.match(rig.hears('x', bfd), ['10.9.0.2 is behind tunnel:x', 'lan: 10.9.0.2 > 10.9.0.1'])
  rig.run(179_000)
  t.same(rig.hears('lan', ack(A, B)), ['tunnel:x: 10.9.0.1 > 10.9.0.2'])
  rig.run(3000)
  t.same(rig.hears('lan', ack(A, B)), ['relay-unknown-destination'])
})

t.test(
  'RFC 2328 §8.2: a source that is forged on another port is dropped while the true one lives',
  async t => {
    const rig = new Rig(['x', 'y'])
    rig.hears('x', hello(B))
    t.same(rig.hears('lan', hello(B, ['6.6.6.6'])), ['relay-source-port'])
    t.same(rig.hears('y', ack(B, A)), ['relay-source-port'])
    rig.run(39_000)
    t.same(rig.hears('y', hello(B, ['6.6.6.6'])), ['relay-source-port'], 'within its dead interval')
    t.same(rig.hears('lan', ack(A, B)), ['tunnel:x: 10.9.0.1 > 10.9.0.2'], 'unicast goes where it lives')
  },
)

t.test(
  'RFC 2328 §10.3: a neighbour moves when it was silent for its dead interval, or when its tunnel is gone',
  async t => {
    const rig = new Rig(['x', 'y'])
    rig.hears('x', hello(B))
    rig.run(41_000)
    t.match(rig.hears('y', hello(B)), ['10.9.0.2 is no more behind tunnel:x', '10.9.0.2 is behind tunnel:y'])
    rig.feed({ on: 'tunnel-state', tunnel: 'y', carries: false })
    t.match(rig.hears('x', hello(B, ['1.1.1.1'])), [
      '10.9.0.2 is no more behind tunnel:y',
      '10.9.0.2 is behind tunnel:x',
    ])
    t.match(rig.hears('lan', hello(B, ['1.1.1.2'])), ['relay-source-port'], 'it has settled again')
  },
)

t.test('RFC 2328 §8.1: a tunnel that is removed takes its neighbours along', async t => {
  const rig = new Rig(['x', 'y'])
  rig.hears('x', hello(B))
  const effects = rig.feed({ on: 'tunnel-removed', tunnel: 'x' })
  t.match(effects, [{ do: 'neighbour', address: '10.9.0.2', port: 'tunnel:x', present: false }])
  t.same(rig.hears('lan', ack(A, B)), ['relay-unknown-destination'])
  t.same(rig.hears('lan', hello(A)), ['tunnel:y: 10.9.0.1 > 224.0.0.5'])
  t.match(rig.relay.report(rig.now as never).neighbours, [{ address: A.address }])
})

t.test('(policy): a port has at most 64 sources, and a full LAN leaves the tunnels their own', async t => {
  const rig = new Rig(['x'])
  for (let n = 0; n < 64; n++) {
    rig.run(100)
    rig.hears('lan', hello(numbered(n)))
  }
  rig.run(1000)
  t.same(rig.hears('lan', hello(numbered(64))), ['relay-table-full'])
  t.equal(rig.hears('x', hello(B)).length, 2)
  t.equal(rig.relay.report(rig.now as never).sources.length, 65)
  rig.run(161_000)
  t.same(rig.relay.report(rig.now as never).sources, [], 'and all of them age')
})

t.test('(policy): where a port is full, who is silent for its dead interval makes room', async t => {
  const rig = new Rig(['x'])
  for (let n = 0; n < 64; n++) {
    rig.run(100)
    rig.hears('lan', hello(numbered(n)))
  }
  rig.run(33_000)
  rig.hears('lan', hello(numbered(0)))
  t.same(rig.hears('lan', hello(A)), ['relay-table-full'])
  rig.run(3000)
  t.same(rig.hears('lan', hello(A)), ['tunnel:x: 10.9.0.1 > 224.0.0.5'])
  t.same(rig.hears('x', ack(B, numbered(0))).at(-1), 'lan: 10.9.0.2 > 10.8.0.0', 'who spoke meanwhile stays')
})

t.test('a tunnel that was removed leaves nothing behind, though packets of it still come', async t => {
  const rig = new Rig(['x'])
  rig.feed({ on: 'tunnel-removed', tunnel: 'x' })
  const piece = hello(B)
  piece[6] = 0x20
  t.same(rig.hears('x', hello(B)), ['relay-not-carrying'])
  t.same(rig.hears('x', piece), ['relay-not-carrying'])
  const effects = rig.feed({ on: 'beacon', port: 'tunnel:x', beacon: new Uint8Array(26) })
  t.same(effects, [{ do: 'drop', port: 'tunnel:x', drop: 'relay-not-carrying' }])
})

t.test('(policy): who moves to another port makes room on the one he left', async t => {
  const rig = new Rig(['x', 'y'])
  const all = (port: string, from: number): number => {
    let learned = 0
    for (let n = from; n < from + 64; n++) {
      rig.run(100)
      if (rig.hears(port, hello(numbered(n))).length > 1) learned++
    }
    return learned
  }
  t.equal(all('x', 0), 64)
  rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: false })
  t.equal(all('y', 0), 64)
  rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: true })
  rig.run(3000)
  t.equal(all('x', 100), 64)
})

t.test(
  '(policy): a flood of forged sources on the LAN takes nothing from the tunnels, and little from who is known',
  async t => {
    const rig = new Rig(['x'])
    rig.hears('lan', hello(A))
    rig.hears('x', hello(B))
    let [carried, known, far] = [0, 0, 0]
    for (let i = 0; i < 50_000; i++) {
      if (i % 50 === 0) rig.run(1)
      const [line = ''] = rig.hears('lan', hello(numbered(i % 4096)))
      if (line !== 'relay-rate') carried++
      if (i % 5000 === 0) {
        known += rig.hears('lan', hello(A)).filter(line => line.startsWith('tunnel:x')).length
        far += rig.hears('x', hello(B)).filter(line => line.startsWith('lan')).length
      }
    }
    t.same([known, far], [10, 10], 'every packet of the true routers')
    t.ok(carried <= (32 + 10) * 13, `${carried} of 50,000 packets of strangers`)
  },
)

t.test('(policy): one source that floods does not use up its port', async t => {
  const rig = new Rig(['x'])
  rig.hears('lan', hello(A))
  const noisy = numbered(1)
  let [carried, known] = [0, 0]
  for (let i = 0; i < 50_000; i++) {
    if (i % 50 === 0) rig.run(1)
    if (rig.hears('lan', hello(noisy))[0] !== 'relay-rate') carried++
    if (i % 5000 === 0 && rig.hears('lan', hello(A))[0]?.startsWith('tunnel')) known++
  }
  t.equal(known, 10)
  t.ok(carried <= 1000 + 250 + 2, `${carried} of 50,000`)
})

t.test('(policy): a flood of malformed packets costs the true routers nothing', async t => {
  const rig = new Rig(['x'])
  const bad = ip(A.address, '224.0.0.5', octets('01010018'))
  for (let i = 0; i < 20_000; i++) rig.hears('lan', bad)
  t.same(rig.hears('lan', hello(A)), ['tunnel:x: 10.9.0.1 > 224.0.0.5'])
})

t.test('(policy): each multicast group has a limit of its own', async t => {
  const rig = new Rig([{ tunnel: 'x', multicast: ['pim'] }])
  const pim = (): Uint8Array => ip(A.address, '224.0.0.13', octets('2000dfff'), { protocol: 103 })
  rig.hears('lan', hello(A))
  const carried = Array.from({ length: 500 }, () => rig.hears('lan', pim())[0]).filter(line =>
    line?.startsWith('tunnel'),
  )
  t.equal(carried.length, 100)
  t.same(rig.hears('lan', pim()), ['relay-rate'])
  t.same(rig.hears('lan', hello(A)), ['tunnel:x: 10.9.0.1 > 224.0.0.5'])
})

t.test(
  'RFC 2328 §8.1: after any conversation each address lives on one port, and unicast to it goes only there',
  async () =>
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            port: fc.constantFrom('lan', 'x', 'y'),
            who: fc.integer({ min: 1, max: 4 }),
            wait: fc.constantFrom(0, 300, 5000, 45_000),
          }),
          { maxLength: 40 },
        ),
        steps => {
          const rig = new Rig(['x', 'y'])
          for (const { port, who, wait } of steps) {
            rig.run(wait)
            const out = rig.hears(port, hello(numbered(who)))
            const back = port === 'lan' ? 'lan:' : `tunnel:${port}:`
            if (out.some(line => line.startsWith(back))) return false
          }
          const { sources } = rig.relay.report(rig.now as never)
          if (new Set(sources.map(({ address }) => address)).size !== sources.length) return false
          return sources.every(({ address, port }) => {
            const probe = ospf(
              port === 'lan' ? { address: '10.8.1.1', id: '9.9.9.9' } : A,
              address,
              5,
              octets(''),
            )
            const out = rig.hears(port === 'lan' ? 'x' : 'lan', probe).filter(line => line.includes('>'))
            return out.length === 1 && out[0]?.startsWith(`${port}:`)
          })
        },
      ),
      { numRuns: 100 },
    ),
)

t.test(
  'RFC 2328 §8.1: a source whose packets come three times in a row sooner by another port lives there',
  async t => {
    const rig = new Rig(['x', 'y'])
    rig.hears('x', hello(B))
    const both = (first: string, second: string): string[][] => {
      const packet = hello(B)
      const heard = [rig.hears(first, packet)]
      rig.run(5)
      heard.push(rig.hears(second, packet))
      rig.run(1000)
      return heard
    }
    const detour = [['relay-source-port'], ['lan: 10.9.0.2 > 224.0.0.5']]
    t.same(both('y', 'x'), detour, 'it goes on to the LAN, and not where it was heard')
    t.same(both('y', 'x'), detour)
    t.same(both('x', 'y'), [
      ['lan: 10.9.0.2 > 224.0.0.5', 'tunnel:y: 10.9.0.2 > 224.0.0.5'],
      ['relay-duplicate'],
    ])
    t.same(both('y', 'x'), detour, 'counted anew')
    t.same(both('y', 'x'), detour)
    t.same(both('y', 'x'), [
      ['relay-source-port'],
      ['10.9.0.2 is no more behind tunnel:x', '10.9.0.2 is behind tunnel:y', 'lan: 10.9.0.2 > 224.0.0.5'],
    ])
    t.same(both('y', 'x'), [
      ['lan: 10.9.0.2 > 224.0.0.5', 'tunnel:x: 10.9.0.2 > 224.0.0.5'],
      ['relay-duplicate'],
    ])
  },
)

t.test('RFC 2328 §8.2: a forger who says other packets, or the same ones later, moves nobody', async t => {
  const rig = new Rig(['x'])
  rig.hears('x', hello(B))
  for (let i = 0; i < 20; i++) {
    t.same(rig.hears('lan', hello(B, ['6.6.6.6'])), ['relay-source-port'])
    const packet = hello(B)
    t.same(rig.hears('x', packet), ['lan: 10.9.0.2 > 224.0.0.5'])
    t.same(rig.hears('lan', packet), ['relay-duplicate'])
    rig.run(1000)
  }
})

t.test(
  'RFC 2328 §8.1: of two ports where it was refused, a source lives on the one that was sooner',
  async t => {
    const rig = new Rig(['x', 'y', 'z'])
    rig.hears('x', hello(B))
    for (let i = 0; i < 3; i++) {
      const packet = hello(B)
      for (const port of ['y', 'z', 'x']) rig.hears(port, packet)
      rig.run(1000)
    }
    t.same(rig.relay.report(rig.now as never).sources, [{ address: B.address, port: 'tunnel:y' }])
  },
)

t.test('RFC 2328 §A.3.2: a dead interval of years keeps nobody for longer than twenty minutes', async t => {
  const rig = new Rig(['x'])
  rig.hears('x', hello(B, [], { dead: 0xffffffff }))
  rig.run(1_199_000)
  t.equal(rig.relay.report(rig.now as never).sources.length, 1)
  rig.run(3000)
  t.equal(rig.relay.report(rig.now as never).sources.length, 0)
})
