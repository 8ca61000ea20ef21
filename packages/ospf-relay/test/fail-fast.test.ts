import { instant, isDrop } from '@brunel/base'
import { hex } from '@brunel/base/testing'
import { Ospf } from '@brunel/wire'
import t from 'tap'
import { emitBeacon } from '../src/beacon.js'
import { bytesOf, hello, type Router } from './packets.js'
import { lines, Rig } from './rig.js'

const A: Router = { address: '10.9.0.1', id: '1.1.1.1' }
const B: Router = { address: '10.9.0.2', id: '2.2.2.2' }
const B6: Router = { address: 'fe80::b', id: '2.2.2.2' }
const C: Router = { address: '10.9.0.3', id: '3.3.3.3', key: 1 }

const dies = (rig: Rig): ReturnType<Rig['feed']> =>
  rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: false })

t.test(
  'RFC 2328 §10.5: with failFast the neighbours behind a dead tunnel name nobody any more, in both versions',
  async t => {
    const rig = new Rig([{ tunnel: 'x', failFast: true }, 'y'])
    rig.hears('lan', hello(A))
    rig.hears('x', hello(B, [A.id], { dr: A.address }))
    rig.hears('x', hello(B6, [A.id]))
    const effects = dies(rig)
    t.same(lines(effects), [
      'lan: 10.9.0.2 > 224.0.0.5',
      'tunnel:y: 10.9.0.2 > 224.0.0.5',
      '10.9.0.2 is no more behind tunnel:x',
      'lan: fe80::b > ff02::5',
      'tunnel:y: fe80::b > ff02::5',
      'fe80::b is no more behind tunnel:x',
    ])
    const [first, , , second] = effects.filter(e => e.do === 'send' || e.do === 'neighbour')
    for (const [effect, header, ends] of [
      [first, 20, { source: bytesOf(B.address), destination: bytesOf('224.0.0.5') }],
      [second, 40, { source: bytesOf(B6.address), destination: bytesOf('ff02::5') }],
    ] as const) {
      if (effect?.do !== 'send') throw new Error('nothing was sent')
      const message = Ospf.parse(effect.packet.slice(header), ends)
      t.notOk(isDrop(message), 'its checksum is right')
      t.match(message, { routerId: B.id, body: { type: 'hello', helloInterval: 10, neighbours: [] } })
      t.same(
        rig.hears('lan', effect.packet),
        ['relay-duplicate'],
        'and it is not taken for a packet of the LAN',
      )
    }
    t.match(rig.events('fail-fast'), [{ event: { told: [B.address, B6.address], untold: [] } }])
    t.match(rig.relay.report(instant(rig.now)).neighbours[0], {
      states: [{ address: B.address, state: 'Down' }],
    })
  },
)

t.test(
  'RFC 2328 §D.3: for a neighbour that authenticates nobody else can speak: it is withdrawn, and said so',
  async t => {
    const rig = new Rig([{ tunnel: 'x', failFast: true }])
    rig.hears('x', hello(C, [A.id]))
    rig.hears('x', hello({ ...B, password: true }, [A.id]))
    t.same(lines(dies(rig)), ['10.9.0.3 is no more behind tunnel:x', '10.9.0.2 is no more behind tunnel:x'])
    t.match(rig.events('fail-fast'), [{ event: { told: [], untold: [C.address, B.address] } }])
  },
)

t.test(
  'RFC 2328 §8.1: without failFast nobody is spoken for, and the neighbours keep their dead interval',
  async t => {
    const rig = new Rig(['x'])
    rig.hears('x', hello(B, [A.id]))
    t.same(lines(dies(rig)), [])
    rig.feed({ on: 'tunnel-state', tunnel: 'x', carries: true })
    rig.run(3000)
    t.same(lines(rig.feed({ on: 'packet', port: 'tunnel:x', packet: hello(B, [A.id]) })), [
      'lan: 10.9.0.2 > 224.0.0.5',
    ])
  },
)

t.test('RFC 2328 §10.5: a LAN without a link is told through the tunnels that have failFast', async t => {
  const rig = new Rig([{ tunnel: 'x', failFast: true }, 'y'])
  rig.hears('lan', hello(A, [B.id]))
  rig.hears('x', hello(B, [A.id]))
  t.same(lines(rig.feed({ on: 'lan-lost' })), ['tunnel:x: 10.9.0.1 > 224.0.0.5'])
  t.match(rig.events('fail-fast'), [{ event: { port: 'lan', told: [A.address], untold: [] } }])
  t.same(lines(rig.feed({ on: 'lan-lost' })), [], 'once')
  const bridged = new Rig([{ tunnel: 'x', failFast: true }])
  bridged.hears('lan', hello(A, [B.id]))
  const other = emitBeacon({ relay: '00000000000000bb', lan: '00000000000000bb', number: 0, links: [] })
  bridged.feed({ on: 'beacon', port: 'lan', beacon: other })
  t.same(lines(bridged.feed({ on: 'lan-lost' })), [], 'another relay of this LAN may still hear it')
})

t.test(
  'RFC 2328 §10.5: beacons end before a tunnel is known to be dead; who has another way to the far LAN is let live',
  async t => {
    const rig = new Rig([
      { tunnel: 'x', failFast: true, far: 'b' },
      { tunnel: 'y', far: 'b' },
    ])
    const far = (tunnel: string, number: number): void => {
      const beacon = emitBeacon({ relay: '00000000000000bb', lan: '00000000000000bb', number, links: [] })
      rig.feed({ on: 'beacon', port: `tunnel:${tunnel}`, beacon })
    }
    const states = (): unknown => rig.relay.report(instant(rig.now)).ports.map(({ state }) => state)
    const speak = (seconds: number, ...tunnels: readonly string[]): void => {
      for (let i = 0; i < seconds; i++) {
        for (const tunnel of tunnels) far(tunnel, tunnel === 'x' ? 1 : 2)
        rig.run(1000)
      }
    }
    speak(3, 'x', 'y')
    t.same(states(), ['forwarding', 'forwarding', 'standby'])
    rig.hears('x', hello(B, [A.id]))
    speak(8, 'y')
    t.same(states(), ['forwarding', 'forwarding', 'forwarding'])
    t.same(lines(dies(rig)), [])
    t.same(rig.events('fail-fast'), [])
  },
)

t.test('RFC 5340 §2.4: with failFast a neighbour dies in each instance in which it spoke', async t => {
  const rig = new Rig([{ tunnel: 'x', failFast: true }])
  for (const instance of [0, 64]) rig.hears('x', hello({ ...B6, instance }, [A.id]))
  const sent = dies(rig).flatMap(effect => (effect.do === 'send' ? [effect.packet[40 + 14]] : []))
  t.same(sent, [0, 64])
  t.match(rig.events('fail-fast'), [{ event: { told: [B6.address], untold: [] } }])
})

t.test('RFC 2328 §9.5: the last words that are a unicast Hello go to where its neighbour lives', async t => {
  const rig = new Rig([{ tunnel: 'x', failFast: true }, 'y'])
  rig.hears('lan', hello(A))
  rig.hears('x', hello(B, [A.id], { to: A.address }))
  t.same(
    lines(dies(rig)).filter(line => line.includes('>')),
    ['lan: 10.9.0.2 > 10.9.0.1'],
  )
})

t.test('RFC 2328 §A.3.2: a Hello larger than any Ethernet takes is not kept to be said again', async t => {
  const rig = new Rig([{ tunnel: 'x', failFast: true }])
  const many = Array.from({ length: 400 }, (_, i) => `7.7.${i >> 8}.${i & 255}`)
  rig.hears('x', hello(B, many))
  t.same(lines(dies(rig)), ['10.9.0.2 is no more behind tunnel:x'])
  t.match(rig.events('fail-fast'), [{ event: { told: [], untold: [B.address] } }])
})

t.test(
  'RFC 5340 §2.6: OSPFv3 behind an authentication header is carried as it is, and never spoken for',
  async t => {
    const rig = new Rig([{ tunnel: 'x', failFast: true }])
    const packet = hello({ ...B6, spi: 0x101 })
    const effects = rig.feed({ on: 'packet', port: 'tunnel:x', packet })
    const [send] = effects.filter(effect => effect.do === 'send')
    t.equal(send?.do === 'send' && hex(send.packet), hex(packet))
    t.same(lines(dies(rig)), ['fe80::b is no more behind tunnel:x'])
    t.match(rig.events('fail-fast'), [{ event: { told: [], untold: [B6.address] } }])
  },
)
