import fc from 'fast-check'
import t from 'tap'
import {
  duration,
  identity,
  interfaceAddress,
  interfaceFor,
  isDnsName,
  isInterfaceName,
  isPeerName,
  network,
  pskOctets,
  size,
} from './values.js'

for (const [text, want] of [
  ['4h', 14_400_000],
  ['10s', 10_000],
  ['1.5m', 90_000],
  ['250ms', 250],
  ['2d', 172_800_000],
  ['4', undefined],
  ['4 h', undefined],
  ['-4h', undefined],
  ['4w', undefined],
  ['h', undefined],
] as const) {
  t.test(`the duration ${text} reads ${want ?? 'as nothing'}`, async t => t.equal(duration(text), want))
}

for (const [text, want] of [
  ['1TiB', 2 ** 40],
  ['1.5GiB', 1.5 * 2 ** 30],
  ['2GB', 2e9],
  ['4096B', 4096],
  ['1Tb', undefined],
  ['1 TiB', undefined],
  ['12', undefined],
] as const) {
  t.test(`the size ${text} reads ${want ?? 'as nothing'}`, async t => t.equal(size(text), want))
}

for (const [text, want] of [
  ['192.0.2.1', { type: 'ipv4', text: '192.0.2.1' }],
  ['2001:DB8::0:1', { type: 'ipv6', text: '2001:db8::1' }],
  ['hq.example.net', { type: 'fqdn', text: 'hq.example.net' }],
  ['@hq', { type: 'fqdn', text: 'hq' }],
  ['admin@example.net', { type: 'email', text: 'admin@example.net' }],
  ['keyid:branch 7', { type: 'key-id', text: 'branch 7' }],
  ['192.0.2.256', undefined],
  ['two words', undefined],
  ['', undefined],
] as const) {
  t.test(`RFC 7296 §3.5: the identity "${text}"`, async t => t.same(identity(text), want))
}

t.test('names of peers, hosts and interfaces', async t => {
  t.ok(['branch-7', 'a', '7.b_c'].every(isPeerName))
  t.notOk(['', '-a', 'a b', 'a/b', 'ä', 'x'.repeat(64)].some(isPeerName))
  t.ok(['a', 'a.b.example', 'xn--bcher-kva.example', '7a'].every(isDnsName))
  t.notOk(['', '1.2.3.400', 'a..b', '-a', 'a-', 'a b', 'x'.repeat(64)].some(isDnsName))
  t.ok(['gre7', 'tun0', 'a'.repeat(15)].every(isInterfaceName))
  t.notOk(['', 'a'.repeat(16), 'a/b', 'a:b', 'a b', 'lo', 'all', '.', '..', '-x'].some(isInterfaceName))
})

t.test('the interface of a peer comes from its name, and is always one that Linux takes', async t => {
  t.equal(interfaceFor('branch-7'), 'gre-branch-7')
  t.not(interfaceFor('branch-office-north'), interfaceFor('branch-office-south'))
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/)
  fc.assert(fc.property(name, peer => isInterfaceName(interfaceFor(peer))))
})

t.test('a network has no host bits, an address of an interface may', async t => {
  t.same(network('10.7.0.0/16'), { family: 4, address: '10.7.0.0', length: 16 })
  t.same(network('FD00:7::/64'), { family: 6, address: 'fd00:7::', length: 64 })
  for (const bad of ['10.7.0.1/16', '10.7.0.0', '10.7.0.0/33', 'x/8', '10.7.0.0/-1', ''])
    t.equal(network(bad), undefined)
  t.same(interfaceAddress('10.255.0.2/30'), {
    family: 4,
    address: '10.255.0.2',
    length: 30,
    network: { family: 4, address: '10.255.0.0', length: 30 },
  })
})

t.test('RFC 7296 §2.15: a pre-shared key is text, hexadecimal or base64', async t => {
  t.same([...(pskOctets('grün') ?? [])], [...Buffer.from('grün')])
  t.same([...(pskOctets('0x00ff10') ?? [])], [0, 255, 16])
  t.same([...(pskOctets('0sAP8Q') ?? [])], [0, 255, 16])
  for (const bad of ['0x0', '0xzz', '0x', '0s!', '0sA', 'a\ud800b']) t.equal(pskOctets(bad), undefined)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), octets => {
      const text = Buffer.from(octets).toString('base64')
      return Buffer.from(octets).equals(pskOctets(`0s${text}`) as Uint8Array)
    }),
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), text => {
      const plain = `k${text}`
      return Buffer.from(plain).equals(pskOctets(plain) as Uint8Array)
    }),
  )
})
