import { inSlot, octets, received, words } from '@brunel/base/testing'
import { Address } from '@brunel/wire'
import t from 'tap'
import { ipPacket } from '../test/inner.js'
import { loopingRoutes, refuseOwnDelivery } from './routing-loop.js'

for (const [routes, remote, want] of [
  [['10.7.0.0/16', '0.0.0.0/0'], '198.51.100.7', ['0.0.0.0/0']],
  [
    ['198.51.100.0/24', '198.51.100.7/32', '198.51.100.8/32'],
    '198.51.100.7',
    ['198.51.100.0/24', '198.51.100.7/32'],
  ],
  [['198.51.100.7'], '198.51.100.7', ['198.51.100.7']],
  [['::/0', '10.0.0.0/8'], '198.51.100.7', []],
  [['::/0', '2001:db8::/32', 'fd00::/8'], '2001:db8::7', ['::/0', '2001:db8::/32']],
  [['nonsense', '0.0.0.0/0'], 'branch.example.net', []],
] as const) {
  t.test(
    `RFC 2003 §3.2: of ${routes.join(', ')} those that swallow ${remote}: ${want.join(', ') || 'none'}`,
    async t => t.same(loopingRoutes(routes, remote), want),
  )
}

const remote4 = Address.parse('198.51.100.7')!
const remote6 = Address.parse('2001:db8::7')!
const udp = (port: number): Uint8Array => Uint8Array.of(0x11, 0x94, port >> 8, port & 0xff, 0, 8, 0, 0)
const v4 = (protocol: number, payload: Uint8Array, to = '198.51.100.7'): Uint8Array =>
  ipPacket('192.0.2.1', to, { protocol, payload })
const v6 = (protocol: number, payload: Uint8Array): Uint8Array =>
  ipPacket('2001:db8::1', '2001:db8::7', { protocol, payload })
const esp = octets('00000100 00000001')

function laterFragment(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[7] = 1
  return copy
}

for (const [name, remote, bytes, want] of [
  ['ESP to the far end', remote4, v4(50, esp), 'gre-loop'],
  ['clear GRE to the far end', remote4, v4(47, octets('00000800')), 'gre-loop'],
  ['ESP in UDP to the far end', remote4, v4(17, udp(4500)), 'gre-loop'],
  ['IKE to the far end', remote4, v4(17, udp(500)), 'gre-loop'],
  ['a later fragment of ESP', remote4, laterFragment(v4(50, esp)), 'gre-loop'],
  ['a later fragment of UDP', remote4, laterFragment(v4(17, udp(4500))), undefined],
  ['UDP to another port', remote4, v4(17, udp(53)), undefined],
  ['a UDP header cut short', remote4, v4(17, udp(4500).slice(0, 4)), undefined],
  ['ping to the far end', remote4, v4(1, octets('0800 f7ff 0000 0000')), undefined],
  ['ESP to another', remote4, v4(50, esp, '198.51.100.8'), undefined],
  ['not IPv4', remote4, octets('00'), undefined],
  ['ESP to the far end over IPv6', remote6, v6(50, esp), 'gre-loop'],
  ['ESP behind destination options', remote6, v6(60, words(octets('3200 0104 00000000'), esp)), 'gre-loop'],
  ['IKE over IPv6', remote6, v6(17, udp(500)), 'gre-loop'],
  ['a later IPv6 fragment of ESP', remote6, v6(44, words(octets('3200 0008 00000001'), esp)), 'gre-loop'],
  ['a broken IPv6 chain', remote6, v6(60, octets('32ff 0104 00000000')), undefined],
  ['IPv4 on an IPv6 path', remote6, v4(50, esp), undefined],
] as const) {
  t.test(`RFC 2003 §3.2: into the tunnel comes ${name}: ${want ?? 'passes'}`, async t => {
    const p = received(bytes)
    t.equal(refuseOwnDelivery(p, remote), want)
    t.equal(p.start, 0)
  })
}

t.test('RFC 2003 §3.2: no port is read of a later fragment, nor from outside the packet', async t => {
  const p = inSlot(laterFragment(v4(17, udp(53))))
  p.bytes.set([0x11, 0x94, 0, 8], 1)
  t.equal(refuseOwnDelivery(p, remote4), undefined)
})
