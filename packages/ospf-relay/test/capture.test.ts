import { readFileSync } from 'node:fs'
import { instant } from '@brunel/base'
import { hex } from '@brunel/base/testing'
import t from 'tap'
import { framesOf, shared } from './pcapng.js'
import { sourceOf } from './rig.js'
import { World } from './world.js'

const ETHERNET = 14
/** One of three routers with MD5 authentication joins the other two: Hello, DD, LSR, LSU, LSAck, all with TTL 1 and CS6. */
const JOINS = '192.168.121.42'
const file = shared('vectors/pcap/OSPFv2_Capture_FINAL.pcapng')
const skip = file === undefined && 'no ../shared/vectors/pcap/OSPFv2_Capture_FINAL.pcapng here'

interface Said {
  readonly ms: number
  readonly packet: Uint8Array
}

const conversation = (): Said[] =>
  [...framesOf(readFileSync(file!))].map(({ ms, frame }) => ({
    ms,
    // The Ethernet trailer is cut off by the total length.
    packet: frame.slice(ETHERNET, ETHERNET + ((frame[ETHERNET + 2]! << 8) | frame[ETHERNET + 3]!)),
  }))

/**
 *    LAN a: .42 ── R1 ══ tunnel ══ R2 ── LAN b: .4, .5
 */
function replay(): { world: World; a: ReturnType<World['lan']>; b: ReturnType<World['lan']>; said: Said[] } {
  const world = new World()
  const [a, b] = [world.lan(), world.lan()]
  const [r1, r2] = [world.relay('1', a), world.relay('2', b)]
  world.tunnel(r1, r2)
  world.run(5000)
  const said = conversation()
  for (const [i, { ms, packet }] of said.entries()) {
    const lan = sourceOf(packet) === JOINS ? a : b
    lan.says(packet)
    // An answer is not said before its question has crossed the tunnel.
    world.run(Math.max(20, (said[i + 1]?.ms ?? ms) - ms))
  }
  return { world, a, b, said }
}

t.test(
  'RFC 2328 §8.1, §13.5, §D.4.3, RFC 5709 §3.3, RFC 7474 §5: a captured conversation crosses two relays unchanged',
  { skip },
  async t => {
    const { a, b, said } = replay()
    t.equal(said.length, 30)
    for (const [lan, from] of [
      [b, said.filter(({ packet }) => sourceOf(packet) === JOINS)],
      [a, said.filter(({ packet }) => sourceOf(packet) !== JOINS)],
    ] as const) {
      t.ok(from.length >= 14)
      t.same(
        lan.heard.map(({ packet }) => hex(packet)),
        from.map(({ packet }) => hex(packet)),
      )
    }
  },
)

t.test('RFC 2328 §10.5, §10.6: the doctor reads the capture as it was', { skip }, async t => {
  const { world } = replay()
  for (const [i, station] of world.relays.entries()) {
    const { neighbours, findings, unread } = station.relay.report(instant(world.now))
    t.same(findings, [])
    t.same(unread, {})
    const [here, there] = i === 0 ? ['lan', 'tunnel:0000000000000002'] : ['tunnel:0000000000000001', 'lan']
    const common = {
      version: 2,
      area: '0.0.0.0',
      authentication: 'cryptographic, key 1, digest of 16 octets',
      mtu: 1500,
      hello: {
        helloInterval: 10,
        deadInterval: 40,
        mask: '255.255.255.0',
        areaKind: 'normal',
        options: 0x12,
        priority: 1,
        designatedRouter: '192.168.121.4',
        backupDesignatedRouter: '192.168.121.5',
      },
    }
    const want = [
      {
        ...common,
        port: here,
        address: JOINS,
        routerId: '192.168.255.11',
        states: [{ state: 'Full' }, { state: 'Full' }],
      },
      {
        ...common,
        port: there,
        address: '192.168.121.4',
        routerId: '192.168.255.14',
        states: [{ state: 'Full' }],
      },
      {
        ...common,
        port: there,
        address: '192.168.121.5',
        routerId: '192.168.255.15',
        states: [{ state: 'Full' }],
      },
    ]
    const sorted = [...neighbours].sort((x, y) => (x.routerId < y.routerId ? -1 : 1))
    t.match(sorted, want)
    t.equal(neighbours.length, 3)
  }
})
