import t from 'tap'
import { batchFor, explainBatch, type InterfaceSettings, removalOf } from './interfaces.js'

const want: InterfaceSettings = {
  mtu: 1422,
  addresses: ['10.255.0.1/30', 'fd00:7::1/64'],
  routes: ['10.2.0.0/16', 'fd00:2::/64'],
  blocked: [],
  multicast: true,
}

t.test('a new interface gets its MTU, addresses and routes in one script', async t => {
  t.same(batchFor('gre7', want, undefined), [
    'link set dev gre7 mtu 1422 up multicast on',
    'addr replace 10.255.0.1/30 dev gre7',
    'addr replace fd00:7::1/64 dev gre7 nodad',
    'route add 10.2.0.0/16 dev gre7 proto static',
    'route add fd00:2::/64 dev gre7 proto static',
  ])
})

t.test('a route that stands is renewed; one that somebody else has is never taken', async t => {
  const lines = batchFor('gre7', { ...want, routes: ['10.2.0.0/16', '10.3.0.0/16'] }, want)
  t.ok(lines.includes('route replace 10.2.0.0/16 dev gre7 proto static'))
  t.ok(lines.includes('route add 10.3.0.0/16 dev gre7 proto static'))
})

t.test('what is wanted no longer is removed, by name and by device', async t => {
  const lines = batchFor(
    'gre7',
    { ...want, routes: [], addresses: ['10.255.0.1/30'], multicast: false },
    want,
  )
  t.same(lines, [
    'link set dev gre7 mtu 1422 up multicast off',
    'route del 10.2.0.0/16 dev gre7 proto static',
    'route del fd00:2::/64 dev gre7 proto static',
    'addr del fd00:7::1/64 dev gre7',
    'addr replace 10.255.0.1/30 dev gre7',
  ])
  t.ok(
    lines.every(line => line.includes('gre7')),
    'no line touches another interface',
  )
})

t.test(
  'a network is blocked before its route goes, and until it is back: nothing slips by a wider one',
  async t => {
    const shut = { ...want, routes: [], blocked: want.routes }
    const block = 'unreachable 10.2.0.0/16 metric 4294967295 proto 175'
    const closing = batchFor('gre7', shut, want)
    t.ok(
      closing.indexOf(`route replace ${block}`) <
        closing.indexOf('route del 10.2.0.0/16 dev gre7 proto static'),
    )
    const opening = batchFor('gre7', want, shut)
    t.ok(
      opening.indexOf(`route del ${block}`) > opening.indexOf('route add 10.2.0.0/16 dev gre7 proto static'),
    )
    t.notOk(
      batchFor('gre7', shut, shut).some(line => line.includes('unreachable')),
      'what stands is left alone',
    )
    t.equal(removalOf(['gre7'], 77, ['10.2.0.0/16'])[0], `route del ${block}`)
  },
)

t.test('what the kernel refuses is said with the line it refused', async t => {
  const lines = batchFor('gre7', want, undefined)
  const taken = explainBatch(lines, 'RTNETLINK answers: File exists\nCommand failed -:4')
  t.equal(taken.message, 'The kernel refuses `ip route add 10.2.0.0/16 dev gre7 proto static`: File exists.')
  t.match(taken.remedy, /a route to 10\.2\.0\.0\/16 already/)
  t.match(
    explainBatch(lines, 'Error: Nexthop has invalid gateway.\nCommand failed -:5').message,
    /gateway\.$/,
  )
  t.match(explainBatch(lines, 'ip: not found').message, /the settings of the interface: ip: not found/)
})

t.test('interfaces are removed together, and nothing else: the group holds only those named', async t => {
  t.same(removalOf(['gre7', 'gre8'], 77), [
    'link set dev gre7 group 77',
    'link set dev gre8 group 77',
    'link del group 77',
  ])
})
