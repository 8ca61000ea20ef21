import t from 'tap'
import { takeBearing } from './remote-address.js'

const route = { device: 'eth0', source: '192.0.2.1', mtu: 1500 }
const compass = {
  own: 'gre7',
  has: (address: string) => address === '192.0.2.9',
  order: (addresses: readonly string[]) => addresses,
}
const reachable = { ...compass, interfaces: { routeTo: async () => route } }
const unreachable = { ...compass, interfaces: { routeTo: async () => undefined } }

t.test('an address is reached by the source that the kernel chooses', async t =>
  t.same(await takeBearing('198.51.100.7', undefined, reachable), {
    is: 'known',
    remote: '198.51.100.7',
    route,
  }),
)

t.test('`any` asks nobody', async t =>
  t.same(await takeBearing('any', '192.0.2.9', unreachable), { is: 'any', local: '192.0.2.9' }),
)

t.test('no route is said with what to look at', async t =>
  t.match(await takeBearing('198.51.100.7', '192.0.2.9', unreachable), {
    is: 'unknown',
    code: 'BRUNEL_NO_ROUTE',
    sentence: 'There is no route to 198.51.100.7 from 192.0.2.9.',
  }),
)

t.test('a name that does not resolve is said by name', async t =>
  t.match(await takeBearing('no-such-host.invalid', undefined, reachable), {
    is: 'unknown',
    code: 'BRUNEL_DNS',
    sentence: /no-such-host\.invalid/,
  }),
)

t.test('a local address that this machine lacks is said by name', async t =>
  t.match(await takeBearing('198.51.100.7', '192.0.2.77', unreachable), {
    is: 'unknown',
    code: 'BRUNEL_LOCAL_ADDRESS',
    sentence: 'local.address 192.0.2.77 is not an address of this machine.',
  }),
)

t.test('RFC 2003 §3.2: a way that leads into the tunnel itself is none', async t =>
  t.match(await takeBearing('198.51.100.7', undefined, { ...reachable, own: 'eth0' }), {
    is: 'unknown',
    code: 'BRUNEL_ROUTE_LOOP',
    sentence: /198\.51\.100\.7 leads into eth0/,
  }),
)
