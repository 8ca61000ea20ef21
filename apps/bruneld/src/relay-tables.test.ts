import t from 'tap'
import { mayFollow, ruleScript, tableChange, tableMended, tableOf, tableRules } from './relay-tables.js'

const CONNECTED = ['10.9.0.253/24', '127.0.0.1/8', 'fd00:1::1/64']

for (const [to, may] of [
  ['10.92.0.0/16', true],
  ['0.0.0.0/0', true],
  ['::/0', true],
  ['2001:db8::/32', true],
  ['10.0.0.0/8', true],
  ['10.9.0.0/24', false],
  ['10.9.0.128/25', false],
  ['fd00:1::9/128', false],
  ['127.1.0.0/16', false],
  ['0.1.0.0/16', false],
  ['169.254.7.0/24', false],
  ['224.0.0.0/4', false],
  ['255.255.255.255/32', false],
  ['::1/128', false],
  ['fe80::/64', false],
  ['ff02::/16', false],
  ['nonsense', false],
] as const)
  t.test(`a route to ${to} is ${may ? 'followed' : 'not followed'}`, async t => {
    t.equal(mayFollow(to, CONNECTED), may)
  })

const FAR = { to: '10.92.0.0/16', device: 'gre7', via: undefined }
const NEAR = { to: '10.91.0.0/16', device: 'eth1', via: '10.9.0.1' }

t.test('a table has the tunnel or the next router, and peers’ addresses are thrown out of it', async t => {
  const six = { to: '2001:db8:91::/48', device: 'eth1', via: 'fe80::1' }
  const peer = { to: '198.51.100.7/32', device: 'gre7', via: undefined }
  t.same(
    [...tableOf([FAR, NEAR, six, peer], ['198.51.100.7', '2001:db8::7'], CONNECTED).values()],
    [
      'throw 198.51.100.7/32',
      'throw 2001:db8::7/128',
      '10.92.0.0/16 dev gre7',
      '10.91.0.0/16 via 10.9.0.1 dev eth1 onlink',
      '2001:db8:91::/48 via fe80::1 dev eth1',
    ],
  )
  t.equal(tableOf([peer], ['198.51.100.7'], CONNECTED).size, 0, 'where nothing is followed nothing is thrown')
})

t.test('one script makes one table of another, and says only what changes', async t => {
  const before = tableOf([FAR, NEAR], [], [])
  const after = tableOf([{ ...FAR, device: 'gre8' }], [], [])
  t.same(tableChange(9, new Map(), before), [
    'route replace 10.92.0.0/16 dev gre7 table 9 proto 175',
    'route replace 10.91.0.0/16 via 10.9.0.1 dev eth1 onlink table 9 proto 175',
  ])
  t.same(tableChange(9, before, after), [
    'route del 10.91.0.0/16 table 9',
    'route replace 10.92.0.0/16 dev gre8 table 9 proto 175',
  ])
  t.same(tableChange(9, before, before), [])
})

t.test('a table is made whole: what is lost comes back, what ought not to be there goes', async t => {
  const want = tableOf([FAR, NEAR], [], [])
  t.same(tableMended(9, new Set(want.keys()), want), [])
  const peer = tableOf([FAR], ['2001:DB8:0::7'], [])
  t.same(tableMended(9, new Set(['2001:db8::7/128', FAR.to]), peer), [], 'however it is written')
  t.same(tableMended(9, new Set([...want.keys(), '10.8.0.0/16']), want), ['route del 10.8.0.0/16 table 9'])
  t.same(tableMended(9, new Set(['10.8.0.0/16', FAR.to]), want), [
    'route del 10.8.0.0/16 table 9',
    'route replace 10.92.0.0/16 dev gre7 table 9 proto 175',
    'route replace 10.91.0.0/16 via 10.9.0.1 dev eth1 onlink table 9 proto 175',
  ])
})

t.test('what somebody wrote into main is stronger, its default route weaker', async t => {
  t.same(tableRules('eth1', 9), [
    'priority 1755 iif eth1 lookup main suppress_prefixlength 0',
    'priority 1756 iif eth1 lookup 9',
    'priority 32762 iif eth1 goto 32766',
  ])
  t.same(
    tableRules('*', 7),
    ['priority 32764 lookup main suppress_prefixlength 0', 'priority 32765 lookup 7'],
    'of what comes by all other interfaces, and from the machine itself',
  )
})

t.test('a network that main refuses is asked for first, itself and its parts, in its family', async t => {
  const refused = ['10.92.0.0/16', 'fd00:92::/64']
  const first = 'priority 1754 iif eth1 to 10.92.0.0/16 lookup 9 suppress_prefixlength 15'
  t.equal(tableRules('eth1', 9, refused)[0], first)
  const others = tableRules('*', 7, refused)
  t.same(ruleScript('del', others, '-6'), [
    'rule del priority 32763 to fd00:92::/64 lookup 7 suppress_prefixlength 63 protocol 175',
    'rule del priority 32764 lookup main suppress_prefixlength 0 protocol 175',
    'rule del priority 32765 lookup 7 protocol 175',
  ])
  t.equal(ruleScript('add', others, '-4').length, 3)
})
