import t from 'tap'
import { Cleanup } from './cleanup.js'
import { orphans } from './namespace.js'
import { plan } from './topology.js'

t.test('a host knows its own router and nothing else', async t => {
  t.same(plan('hostA', 1500), [
    'addr add 10.1.0.10/24 dev lan0',
    'addr add fd00:1::10/64 dev lan0 nodad',
    'link set lan0 up',
    'route add default via 10.1.0.1',
    'route add default via fd00:1::1',
  ])
})

t.test('a router has no default route, so what is not in the tunnel has nowhere to go', async t => {
  const lines = plan('routerB', 1400)
  t.notOk(lines.some(line => line.includes('default')))
  t.ok(lines.includes('route add 192.0.2.0/24 via 198.51.100.1'))
  t.ok(lines.includes('link set wan0 mtu 1400'))
})

t.test('only namespaces of a dead maker are swept', async t => {
  const names = ['brunel-10-1-hostA', 'brunel-11-1-hostA', 'other', 'brunel-x']
  t.same(
    orphans(names, pid => pid === 11),
    ['brunel-10-1-hostA'],
  )
})

t.test('what was made is removed in reverse, and one refusal does not keep the rest', async t => {
  const done: string[] = []
  const cleanup = new Cleanup()
  cleanup.add('first', () => done.push('first'))
  cleanup.add('second', () => {
    throw new Error('busy')
  })
  cleanup.add('third', () => done.push('third'))
  t.same(await cleanup.unwind(), ['second: busy'])
  t.same(await cleanup.unwind(), ['second: busy'], 'twice is as good as once')
  t.same(done, ['third', 'first'])
})
