import t from 'tap'
import { judge, type Machine } from './preflight.js'

const good: Machine = {
  capabilities: (1n << 12n) | (1n << 13n),
  tun: 'there',
  ip: true,
  forwarding: { ipv4: true, ipv6: true },
}

t.test('a machine that has all lacks nothing', async t => t.same(judge(good), []))

for (const [what, machine, code, fatal, remedy] of [
  ['no CAP_NET_ADMIN', { ...good, capabilities: 1n << 13n }, 'BRUNEL_NO_CAPABILITY', true, /CAP_NET_ADMIN/],
  ['no CAP_NET_RAW', { ...good, capabilities: 1n << 12n }, 'BRUNEL_NO_CAPABILITY', true, /CAP_NET_RAW/],
  ['no TUN device', { ...good, tun: 'absent' }, 'BRUNEL_NO_TUN', true, /modprobe tun/],
  ['a TUN device that may not be used', { ...good, tun: 'forbidden' }, 'BRUNEL_NO_TUN', true, /DeviceAllow/],
  ['no ip command', { ...good, ip: false }, 'BRUNEL_NO_IPROUTE2', true, /apt-get install iproute2/],
  [
    'no IPv4 forwarding',
    { ...good, forwarding: { ipv4: false, ipv6: true } },
    'BRUNEL_FORWARDING_OFF',
    false,
    /ip_forward=1/,
  ],
  [
    'no IPv6 forwarding',
    { ...good, forwarding: { ipv4: true, ipv6: false } },
    'BRUNEL_FORWARDING_OFF',
    false,
    /all.forwarding=1/,
  ],
] as const) {
  t.test(`${what} is said with its remedy`, async t => {
    const lacks = judge(machine)
    t.equal(lacks.length, 1)
    t.match(lacks[0], { code, fatal, remedy })
  })
}

t.test('all that is missing is said at once', async t =>
  t.equal(
    judge({ capabilities: 0n, tun: 'absent', ip: false, forwarding: { ipv4: false, ipv6: false } }).length,
    6,
  ),
)
