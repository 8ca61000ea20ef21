import t from 'tap'
import { CODES, type PeerDocument, verify, verifyPeer, warningsOf } from '../src/index.js'
import { branch, example } from './documents.js'

const found = (document: unknown, others: readonly PeerDocument[] = []): string[] =>
  verifyPeer(document, others).map(({ pointer, code }) => `${pointer} ${code}`)

/** The document with one member, named by a path with dots, set to a value. */
function having(path: string, value: unknown): unknown {
  const copy = structuredClone(example) as unknown as Record<string, unknown>
  const names = path.split('.')
  let at = copy
  for (const name of names.slice(0, -1)) at = at[name] as Record<string, unknown>
  if (value === undefined) delete at[names.at(-1) as string]
  else at[names.at(-1) as string] = value
  return copy
}

t.test('nothing is wrong with the example, nor with the least document', async t => {
  t.same(found(example), [])
  t.same(found(branch(1)), [])
  t.same(found(having('remote.address', 'branch.example.net')), [])
  t.same(found(branch(1, { remote: { address: 'any' } })), [])
})

for (const [what, path, value, want] of [
  ['no name', 'name', undefined, '/name BRUNEL_CONFIG_SHAPE'],
  ['a name with a blank', 'name', 'branch 7', '/name BRUNEL_CONFIG_NAME'],
  ['a member nobody knows', 'gre.colour', 'red', '/gre/colour BRUNEL_CONFIG_SHAPE'],
  ['a number as text', 'gre.key', '7', '/gre/key BRUNEL_CONFIG_SHAPE'],
  ['a fraction', 'gre.key', 7.5, '/gre/key BRUNEL_CONFIG_SHAPE'],
  ['an unknown mode', 'esp.mode', 'beet', '/esp/mode BRUNEL_CONFIG_SHAPE'],
  ['a bad remote address', 'remote.address', '198.51.100.700', '/remote/address BRUNEL_CONFIG_ADDRESS'],
  ['a multicast remote address', 'remote.address', '224.0.0.5', '/remote/address BRUNEL_CONFIG_ADDRESS'],
  ['an unspecified remote address', 'remote.address', '0.0.0.0', '/remote/address BRUNEL_CONFIG_ADDRESS'],
  ['a bad local address', 'local.address', 'eth0', '/local/address BRUNEL_CONFIG_ADDRESS'],
  ['IPv6 towards IPv4', 'local.address', '2001:db8::1', '/local/address BRUNEL_CONFIG_FAMILY'],
  ['the own address as remote', 'remote.address', '192.0.2.1', '/remote/address BRUNEL_CONFIG_ADDRESS'],
  [
    'a choice of family where there is no name',
    'remote.prefer',
    'ipv6',
    '/remote/prefer BRUNEL_CONFIG_FAMILY',
  ],
  ['a bad identity', 'remote.id', 'two words', '/remote/id BRUNEL_CONFIG_IDENTITY'],
  ['an empty secret', 'auth.psk', '', '/auth/psk BRUNEL_CONFIG_PSK'],
  ['a short secret', 'auth.psk', 'sesame', '/auth/psk BRUNEL_CONFIG_PSK'],
  ['a secret that is not hexadecimal', 'auth.psk', '0xnothex', '/auth/psk BRUNEL_CONFIG_PSK'],
  ['no secret at all', 'auth.psk', undefined, '/auth/psk BRUNEL_CONFIG_PSK'],
  [
    'RFC 8247 §2.1: 3DES',
    'ike.proposals',
    ['3des-sha256-modp2048'],
    '/ike/proposals/0 BRUNEL_CONFIG_PROPOSAL',
  ],
  [
    'RFC 8247 §2.4: group 2',
    'ike.proposals',
    ['aes128-sha256-modp1024'],
    '/ike/proposals/0 BRUNEL_CONFIG_PROPOSAL',
  ],
  ['RFC 8221 §6: MD5', 'esp.proposals', ['aes128-md5'], '/esp/proposals/0 BRUNEL_CONFIG_PROPOSAL'],
  ['no proposal', 'esp.proposals', [], '/esp/proposals BRUNEL_CONFIG_PROPOSAL'],
  ['a bad lifetime', 'ike.lifetime', 'forever', '/ike/lifetime BRUNEL_CONFIG_DURATION'],
  ['a lifetime of a second', 'esp.lifetime', '1s', '/esp/lifetime BRUNEL_CONFIG_DURATION'],
  ['a bad size', 'esp.lifetimeBytes', '1Tb', '/esp/lifetimeBytes BRUNEL_CONFIG_SIZE'],
  ['a size too small', 'esp.lifetimeBytes', '1KiB', '/esp/lifetimeBytes BRUNEL_CONFIG_SIZE'],
  ['RFC 4303 §3.4.3: a window below 32', 'esp.replayWindow', 16, '/esp/replayWindow BRUNEL_CONFIG_RANGE'],
  ['RFC 4301 §5.1.2.1: a DSCP of 64', 'esp.dscp', 64, '/esp/dscp BRUNEL_CONFIG_RANGE'],
  ['a window above 4096', 'esp.replayWindow', 4097, '/esp/replayWindow BRUNEL_CONFIG_RANGE'],
  ['RFC 2890 §2.1: a key beyond 32 bits', 'gre.key', 2 ** 32, '/gre/key BRUNEL_CONFIG_RANGE'],
  [
    'a long interface name',
    'tunnel.interface',
    'a-name-that-is-too-long',
    '/tunnel/interface BRUNEL_CONFIG_INTERFACE',
  ],
  ['a reserved interface name', 'tunnel.interface', 'lo', '/tunnel/interface BRUNEL_CONFIG_INTERFACE'],
  [
    'an address without length',
    'tunnel.addresses',
    ['10.255.0.1'],
    '/tunnel/addresses/0 BRUNEL_CONFIG_ADDRESS',
  ],
  [
    'RFC 1122 §3.2.1.3: a broadcast address',
    'tunnel.addresses',
    ['10.255.0.3/30'],
    '/tunnel/addresses/0 BRUNEL_CONFIG_ADDRESS',
  ],
  [
    'an address twice',
    'tunnel.addresses',
    ['10.9.0.1/30', '10.9.0.1/30'],
    '/tunnel/addresses/1 BRUNEL_CONFIG_ADDRESS',
  ],
  ['a route with host bits', 'tunnel.routes', ['10.7.1.0/16'], '/tunnel/routes/0 BRUNEL_CONFIG_ADDRESS'],
  [
    'a route twice',
    'tunnel.routes',
    ['10.7.0.0/16', '10.7.0.0/16'],
    '/tunnel/routes/1 BRUNEL_CONFIG_OVERLAP',
  ],
  [
    'RFC 2003 §3.2: a route over the peer',
    'tunnel.routes',
    ['198.51.100.0/24'],
    '/tunnel/routes/0 BRUNEL_CONFIG_ROUTE_LOOP',
  ],
  [
    'RFC 2003 §3.2: a default route',
    'tunnel.routes',
    ['0.0.0.0/0'],
    '/tunnel/routes/0 BRUNEL_CONFIG_ROUTE_LOOP',
  ],
  [
    'RFC 2003 §3.2: a link over the peer',
    'tunnel.addresses',
    ['198.51.100.1/24'],
    '/tunnel/addresses/0 BRUNEL_CONFIG_ROUTE_LOOP',
  ],
  ['a large MTU', 'tunnel.mtu', 70_000, '/tunnel/mtu BRUNEL_CONFIG_RANGE'],
  ['RFC 7676 §3.2: IPv6 below 1280', 'tunnel.mtu', 1279, '/tunnel/mtu BRUNEL_CONFIG_MTU'],
  [
    'a GRE keepalive',
    'gre.keepalive',
    { interval: '5s', retries: 3 },
    '/gre/keepalive BRUNEL_CONFIG_NOT_AVAILABLE',
  ],
] as const) {
  t.test(`${what} is refused`, async t => {
    t.same(found(having(path, value)), [want])
    t.match(verifyPeer(having(path, value), [])[0], { detail: /\S/, remedy: /\S/ })
  })
}

t.test('an MSS that does not fit the MTU is refused', async t => {
  const document = { ...branch(1), tunnel: { mtu: 1400, mss: 1380 } }
  t.same(found(document), ['/tunnel/mss BRUNEL_CONFIG_MTU'])
})

t.test('calling a peer that may be anywhere is refused', async t => {
  t.same(found(branch(1, { remote: { address: 'any' }, ike: { initiate: true } })), [
    '/ike/initiate BRUNEL_CONFIG_ADDRESS',
  ])
})

t.test('everything that is wrong is said at once, shape and meaning alike', async t => {
  const document = {
    name: 'branch-7',
    remote: { address: 'nowhere at all' },
    auth: { method: 'password' },
    ike: { lifetime: 5, liveness: '10 years' },
    tunnel: { interface: 'gre1', addresses: ['x', 7], routes: ['10.1.0.0/16'] },
  }
  const other = branch(1, { tunnel: { interface: 'gre1', routes: ['10.1.2.0/24'] } })
  t.same(found(document, [other]).sort(), [
    '/auth/method BRUNEL_CONFIG_SHAPE',
    '/ike/lifetime BRUNEL_CONFIG_SHAPE',
    '/ike/liveness BRUNEL_CONFIG_DURATION',
    '/remote/address BRUNEL_CONFIG_ADDRESS',
    '/tunnel/addresses/0 BRUNEL_CONFIG_ADDRESS',
    '/tunnel/addresses/1 BRUNEL_CONFIG_SHAPE',
    '/tunnel/interface BRUNEL_CONFIG_DUPLICATE_INTERFACE',
    '/tunnel/routes/0 BRUNEL_CONFIG_OVERLAP',
  ])
})

t.test('more than a handful of faults are all said', async t => {
  const routes = Array.from({ length: 50 }, (_, i) => i)
  t.equal(verifyPeer({ ...branch(1), tunnel: { routes } }, []).length, 50)
})

t.test('what is no object at all is refused once', async t => {
  for (const value of [null, 7, 'peer', [], true]) t.same(found(value), [' BRUNEL_CONFIG_SHAPE'])
})

const pairs: readonly (readonly [string, Partial<PeerDocument>, Partial<PeerDocument>, readonly string[]])[] =
  [
    ['nothing in common', {}, {}, []],
    ['one name', { name: 'x' }, { name: 'x' }, ['/peers/1/name BRUNEL_CONFIG_DUPLICATE_NAME']],
    [
      'one interface',
      { tunnel: { interface: 'gre1' } },
      { tunnel: { interface: 'gre1' } },
      ['/peers/1/tunnel/interface BRUNEL_CONFIG_DUPLICATE_INTERFACE'],
    ],
    [
      'the default interface of another',
      {},
      { tunnel: { interface: 'gre-branch-1' } },
      ['/peers/1/tunnel/interface BRUNEL_CONFIG_DUPLICATE_INTERFACE'],
    ],
    [
      'one route',
      { tunnel: { routes: ['10.7.0.0/16'] } },
      { tunnel: { routes: ['10.7.0.0/16'] } },
      ['/peers/1/tunnel/routes/0 BRUNEL_CONFIG_OVERLAP'],
    ],
    [
      'a route inside another',
      { tunnel: { routes: ['10.0.0.0/8'] } },
      { tunnel: { routes: ['10.7.0.0/16'] } },
      ['/peers/1/tunnel/routes/0 BRUNEL_CONFIG_OVERLAP'],
    ],
    [
      'IPv6 routes that overlap',
      { tunnel: { routes: ['fd00::/16'] } },
      { tunnel: { routes: ['fd00:7::/64'] } },
      ['/peers/1/tunnel/routes/0 BRUNEL_CONFIG_OVERLAP'],
    ],
    [
      'links that overlap',
      { tunnel: { addresses: ['10.255.0.1/24'] } },
      { tunnel: { addresses: ['10.255.0.5/30'] } },
      ['/peers/1/tunnel/addresses/0 BRUNEL_CONFIG_OVERLAP'],
    ],
    [
      'a route into the link of another',
      { tunnel: { addresses: ['10.255.0.1/24'] } },
      { tunnel: { routes: ['10.255.0.0/24'] } },
      ['/peers/1/tunnel/routes/0 BRUNEL_CONFIG_OVERLAP'],
    ],
    [
      'an address borrowed by two',
      { tunnel: { addresses: ['10.0.0.1/32'] } },
      { tunnel: { addresses: ['10.0.0.1/32'] } },
      [],
    ],
    [
      'link-local addresses',
      { tunnel: { addresses: ['fe80::1/64'] } },
      { tunnel: { addresses: ['fe80::1/64'] } },
      [],
    ],
    [
      'one remote address',
      { remote: { address: '198.51.100.9' } },
      { remote: { address: '198.51.100.9' } },
      ['/peers/1/remote/address BRUNEL_CONFIG_DUPLICATE_ENDPOINT'],
    ],
    [
      'one remote address, two keys and identities',
      { remote: { address: '198.51.100.9', id: 'a' }, gre: { key: 1 } },
      { remote: { address: '198.51.100.9', id: 'b' }, gre: { key: 2 } },
      [],
    ],
    [
      'one remote address from two local ones',
      { local: { address: '192.0.2.1' }, remote: { address: '198.51.100.9' } },
      { local: { address: '192.0.2.2' }, remote: { address: '198.51.100.9' } },
      [],
    ],
    [
      'one remote address written in two ways',
      { remote: { address: '2001:db8::1' } },
      { remote: { address: '2001:DB8:0::1' } },
      ['/peers/1/remote/address BRUNEL_CONFIG_DUPLICATE_ENDPOINT'],
    ],
    [
      'two that wait for anyone',
      { remote: { address: 'any' } },
      { remote: { address: 'any' } },
      ['/peers/1/remote/id BRUNEL_CONFIG_DUPLICATE_ENDPOINT'],
    ],
    [
      'two that wait for somebody',
      { remote: { address: 'any', id: 'a' } },
      { remote: { address: 'any', id: 'b' } },
      [],
    ],
    [
      'RFC 2003 §3.2: each tunnel runs in the other',
      { tunnel: { routes: ['198.51.100.2/32'] } },
      { tunnel: { routes: ['198.51.100.1/32'] } },
      ['/peers/1/tunnel/routes/0 BRUNEL_CONFIG_ROUTE_LOOP'],
    ],
  ]
for (const [what, first, second, want] of pairs) {
  t.test(`two peers: ${what}`, async t => {
    const problems = verify([branch(1, first), branch(2, second)])
    t.same(
      problems.map(({ pointer, code }) => `${pointer} ${code}`),
      want,
    )
  })
}

t.test('a stored secret makes the document right without one', async t => {
  const document = having('auth.psk', undefined)
  t.same(verifyPeer(document, [], { hasSecret: name => name === 'branch-7' }), [])
})

t.test('the document that it replaces is not compared with it', async t => {
  t.same(found(example, [example, branch(1)]), [])
})

t.test('a short secret is a warning, and no problem text shows a secret', async t => {
  const secret = 'hunter2-hunter2'
  const document = branch(1, { auth: { method: 'psk', psk: secret } })
  t.same(
    warningsOf(document).map(({ code }) => code),
    ['BRUNEL_CONFIG_PSK_SHORT'],
  )
  t.same(warningsOf(branch(1)), [])
  for (const psk of [secret, '0xhunter2', 'hunter2', 7, ['hunter2']]) {
    const bad = { ...document, auth: { method: 'psk', psk } } as PeerDocument
    t.notMatch(
      JSON.stringify([verifyPeer(bad, []), typeof psk === 'string' ? warningsOf(bad) : []]),
      'hunter2',
    )
  }
})

t.test('every code that is used is in the registry', async t => {
  const codes = verify([{ name: 1 }, example, example]).map(({ code }) => code)
  t.ok(codes.length > 0 && codes.every(code => code in CODES))
})
