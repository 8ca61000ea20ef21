import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { LinkOptions } from './static-lab.js'
import { iperfServer, Namespaces, PLAIN_LINK, run, staticLink, whyNot } from './static-lab.js'

const reason = whyNot()
t.setTimeout(600_000)
const script = (name: string): string => fileURLToPath(new URL(name, import.meta.url))

for (const name of ['in-namespace', 'compliance-in-namespace', 'streams-in-namespace']) {
  t.test(`the ports, in a namespace of their own: ${name}`, { skip: reason ?? false }, async t => {
    const nets = new Namespaces()
    t.teardown(() => nets.remove())
    const ns = nets.make('self')
    const env = { ...process.env, BRUNEL_TEST_NAMESPACE: ns }
    await t.spawn('ip', ['netns', 'exec', ns, process.execPath, script(`./${name}.js`)], { env }, name)
  })
}

const SMALLEST_ROUTER = JSON.stringify({
  ...PLAIN_LINK,
  tun: 'gre0',
  addresses: [],
  routes: [],
  local: '192.0.2.1',
  remote: '192.0.2.2',
  sendKey: '01'.repeat(160),
  receiveKey: '02'.repeat(160),
})

for (const [what, code, remedy, command] of [
  [
    'without capabilities',
    'BRUNEL_NO_CAPABILITY',
    /CAP_NET_ADMIN/,
    ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'],
  ],
  [
    'without /dev/net/tun',
    'BRUNEL_NO_TUN',
    /modprobe tun/,
    ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /dev/net && exec "$@"', 'sh'],
  ],
] as const) {
  t.test(`${what} the start says ${code} and the remedy`, { skip: reason ?? false }, async t => {
    const nets = new Namespaces()
    t.teardown(() => nets.remove())
    const ns = nets.make('bare')
    const argv = [...command, process.execPath, script('./static-router.js'), SMALLEST_ROUTER]
    const { stdout, stderr } = spawnSync('ip', ['netns', 'exec', ns, ...argv], {
      encoding: 'utf8',
      timeout: 60_000,
    })
    const { failed } = JSON.parse(stdout.split('\n')[0] || '{}') as {
      failed?: { code: string; remedy: string }
    }
    t.equal(failed?.code, code, stderr)
    t.match(failed?.remedy, remedy)
  })
}

const links: readonly (readonly [string, Partial<LinkOptions>])[] = [
  ['tunnel mode in UDP', {}],
  ['tunnel mode, protocol 50', { encapsulation: 'none' }],
  ['transport mode in UDP, without ESN', { mode: 'transport', esn: false }],
  ['an IPv6 underlay', { v6: true, mtu: 1360 }],
  ['an IPv6 underlay, protocol 50, transport mode', { v6: true, encapsulation: 'none', mode: 'transport' }],
  ['ChaCha20-Poly1305', { suite: 'chacha20poly1305' }],
  ['AES-CBC with SHA2-512', { suite: 'aes256-sha512', mtu: 1360 }],
]

for (const [name, change] of links) {
  t.test(`two routers with fixed keys carry ping and TCP: ${name}`, { skip: reason ?? false }, async t => {
    const nets = new Namespaces()
    t.teardown(() => nets.remove())
    const { hosts, routers } = await staticLink(nets, { ...PLAIN_LINK, ...change })
    for (const address of ['10.2.0.2', 'fd02::2']) {
      run(hosts[0], 'ping', '-c', '1', '-w', '20', address) // until the SAs have reached the pumps
      // With a deadline ping waits for the last ones, and sends on until 20 are answered.
      const ping = run(hosts[0], 'ping', '-c', '20', '-i', '0.01', '-w', '10', '-s', '1000', address)
      const answered = new Set(
        [...ping.stdout.matchAll(/icmp_seq=(\d+) ttl/g)].map(found => Number(found[1])),
      )
      const lost = Array.from({ length: 20 }, (_, n) => n + 1).filter(n => !answered.has(n))
      t.same(lost, [], `ping ${address}`)
    }
    if (spawnSync('iperf3', ['-v']).status === 0) {
      for (const extra of [[], ['-R'], ['-6']]) {
        const target = extra[0] === '-6' ? 'fd02::2' : '10.2.0.2'
        const server = await iperfServer(hosts[1])
        const iperf = run(
          hosts[0],
          'iperf3',
          '-c',
          target,
          '-n',
          '30M',
          '--connect-timeout',
          '15000',
          ...extra,
        )
        t.equal(iperf.status, 0, `iperf3 ${extra.join('')} ${iperf.stderr}`)
        await server.ended(iperf.status === 0)
      }
    }
    for (const router of routers) {
      const last = await router.stop()
      t.same(
        router.lines.filter(line => line.event?.on === 'bug'),
        [],
      )
      t.same(
        Object.keys(last.drops ?? { none: 1 }).filter(d => d !== 'tunnel-no-sa' && d !== 'ip-truncated'),
        [],
      )
    }
  })
}
