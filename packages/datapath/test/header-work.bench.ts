/** `node packages/datapath/dist/test/header-work.bench.js`: nanoseconds of header work a packet, ports for nothing. */
import { ipv4, ipv6 } from './packets.js'
import { saSpec, tunnelSpec } from './router.js'
import { inboundTreadmill, outboundTreadmill } from './treadmill.js'

const TURNS = 1000
const ROUNDS = 10
const packet = ipv4({ length: 1400, protocol: 6 })
const keyed = { ...tunnelSpec, gre: { key: 7, checksum: false, sequence: false } }

for (const [name, make] of [
  ['out, IPv4, tunnel mode', () => outboundTreadmill(packet)],
  ['in,  IPv4, tunnel mode', () => inboundTreadmill(packet)],
  ['out, IPv4, transport mode', () => outboundTreadmill(packet, { ...saSpec, mode: 'transport' })],
  ['in,  IPv4, transport mode', () => inboundTreadmill(packet, { ...saSpec, mode: 'transport' })],
  ['out, IPv6, key', () => outboundTreadmill(ipv6({ length: 1400, protocol: 6 }), saSpec, keyed)],
  ['in,  IPv6, key', () => inboundTreadmill(ipv6({ length: 1400, protocol: 6 }), saSpec, keyed)],
  ['in,  IPv4, past a relay', () => inboundTreadmill(packet, saSpec, tunnelSpec, ['ospf', 'bfd'])],
] as const) {
  const treadmill = make()
  for (let i = 0; i < 2 * TURNS; i++) treadmill.turn()
  // CPU time, and the best of several rounds: others use the machine too.
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const began = process.cpuUsage()
    let packets = 0
    for (let i = 0; i < TURNS; i++) packets += treadmill.turn()
    best = Math.min(best, (process.cpuUsage(began).user * 1000) / packets)
  }
  console.log(`${name.padEnd(30)} ${best.toFixed(0).padStart(5)} ns a packet, ${treadmill.drops()} drops`)
}
