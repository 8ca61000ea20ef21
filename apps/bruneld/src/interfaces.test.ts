import t from 'tap'
import { batchFor, type InterfaceSettings } from './interfaces.js'

const want: InterfaceSettings = {
  mtu: 1422,
  addresses: ['10.255.0.1/30', 'fd00:7::1/64'],
  routes: ['10.2.0.0/16', 'fd00:2::/64'],
  multicast: true,
}

t.test('a new interface gets its MTU, addresses and routes in one script', async t => {
  t.same(batchFor('gre7', want, undefined), [
    'link set dev gre7 mtu 1422 up multicast on',
    '-4 addr replace 10.255.0.1/30 dev gre7',
    '-6 addr replace fd00:7::1/64 dev gre7 nodad',
    '-4 route replace 10.2.0.0/16 dev gre7 proto static',
    '-6 route replace fd00:2::/64 dev gre7 proto static',
  ])
})

t.test('what is wanted no longer is removed, by name and by device', async t => {
  const lines = batchFor(
    'gre7',
    { ...want, routes: [], addresses: ['10.255.0.1/30'], multicast: false },
    want,
  )
  t.same(lines, [
    'link set dev gre7 mtu 1422 up multicast off',
    '-4 route del 10.2.0.0/16 dev gre7 proto static',
    '-6 route del fd00:2::/64 dev gre7 proto static',
    '-6 addr del fd00:7::1/64 dev gre7',
    '-4 addr replace 10.255.0.1/30 dev gre7',
  ])
  t.ok(
    lines.every(line => line.includes('gre7')),
    'no line touches another interface',
  )
})
