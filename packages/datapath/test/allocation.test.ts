import t from 'tap'
import { ipv4, ipv6 } from './packets.js'
import { saSpec, tunnelSpec } from './router.js'
import { inboundTreadmill, outboundTreadmill } from './treadmill.js'

/** Octets of heap that a packet may cost: a whole object would be 16 and more. */
const ALLOWED = 1
/** Of measuring, at most. Fewer: a compiler that is late is taken for an allocation. */
const ROUNDS = 100

const keyed = { ...tunnelSpec, gre: { key: 7, checksum: true, sequence: true } }
// The same packet comes again and again, so it bears no GRE sequence number.
const repeatable = { ...keyed, gre: { ...keyed.gre, sequence: false } }

const RELAYED = ['ospf', 'bfd', 'pim', 'rip', 'eigrp', 'vrrp'] as const
const datagram = (ip: typeof ipv4): Uint8Array => ip({ protocol: 17, length: 200 })

for (const [title, treadmill] of [
  ['out, IPv4 in tunnel mode', outboundTreadmill(ipv4({ length: 200, protocol: 6 }))],
  ['in, IPv4 in tunnel mode', inboundTreadmill(ipv4({ length: 200, protocol: 6 }))],
  [
    'out, IPv6 with all GRE options in transport mode',
    outboundTreadmill(ipv6({ length: 200 }), { ...saSpec, mode: 'transport' }, keyed),
  ],
  [
    'in, IPv6 with key and checksum in transport mode',
    inboundTreadmill(ipv6({ length: 200 }), { ...saSpec, mode: 'transport' }, repeatable),
  ],
  ['out, IPv4 in UDP past a relay', outboundTreadmill(datagram(ipv4), saSpec, tunnelSpec, RELAYED)],
  ['out, IPv6 in UDP past a relay', outboundTreadmill(datagram(ipv6), saSpec, tunnelSpec, RELAYED)],
  ['in, IPv4 in UDP past a relay', inboundTreadmill(datagram(ipv4), saSpec, tunnelSpec, RELAYED)],
  ['in, IPv6 in UDP past a relay', inboundTreadmill(datagram(ipv6), saSpec, tunnelSpec, RELAYED)],
  [
    'in, OSPF over a virtual link past a relay',
    inboundTreadmill(ipv4({ protocol: 89 }), saSpec, tunnelSpec, RELAYED),
  ],
] as const) {
  t.test(`nothing is allocated for a packet: ${title}`, async t => {
    for (let i = 0; i < 3000; i++) treadmill.turn()
    // The least of several: the compiler may allocate in between, and is late where others want the processor.
    let least = Number.POSITIVE_INFINITY
    for (let round = 0; round < 5 || (least >= ALLOWED && round < ROUNDS); round++) {
      const before = process.memoryUsage().heapUsed
      let packets = 0
      for (let i = 0; i < 300; i++) packets += treadmill.turn()
      least = Math.min(least, Math.abs(process.memoryUsage().heapUsed - before) / packets)
    }
    t.ok(least < ALLOWED, `${least.toFixed(2)} octets a packet`)
    t.equal(treadmill.drops(), 0)
  })
}
