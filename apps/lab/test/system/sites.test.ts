/** Two bruneld, one link: what a user of two Brunels gets, in every shape of encapsulation. */
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../src/net/command.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import { ADDRESSES, type Family } from '../../src/net/topology.js'
import { IperfServer, iperf, LongPing, ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { BRUNEL } from '../../src/peers/bruneld.js'
import { tunnelName, type Wishes } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

interface Shape extends Wishes {
  readonly title: string
  readonly mtu: number
}

/** Inner MTUs over 1500 octets. Over IPv6 the delivery header is IPv6 too, since GRE runs between the same two addresses. */
const SHAPES: readonly Shape[] = [
  { title: 'defaults: AES-GCM, tunnel mode, protocol 50', mtu: 1422 },
  { title: 'AES-GCM, tunnel mode in UDP', esp: ['aes128gcm16'], encapsulation: 'udp', mtu: 1414 },
  { title: 'AES-GCM, transport mode', esp: ['aes256gcm16-x25519'], mode: 'transport', mtu: 1442 },
  {
    title: 'ChaCha20-Poly1305, transport mode in UDP',
    esp: ['chacha20poly1305'],
    mode: 'transport',
    encapsulation: 'udp',
    mtu: 1434,
  },
  { title: 'AES-GCM, tunnel mode over IPv6', esp: ['aes256gcm16'], family: 6, mtu: 1382 },
  { title: 'AES-CBC with SHA2-256, tunnel mode', esp: ['aes128-sha256'], mtu: 1414 },
  {
    title: 'AES-CBC with SHA2-512, tunnel mode in UDP',
    esp: ['aes256-sha512'],
    encapsulation: 'udp',
    mtu: 1382,
  },
  { title: 'AES-CBC with SHA2-256, tunnel mode over IPv6', esp: ['aes256-sha256'], family: 6, mtu: 1362 },
  {
    title: 'RFC 2784, RFC 2890: GRE with key, checksum and sequence numbers',
    greKey: 0xffffffff,
    greChecksum: true,
    greSequence: true,
    encapsulation: 'udp',
    esp: ['aes128gcm16'],
    mtu: 1402,
  },
  {
    title: 'AES-GCM with ESN and a GRE key, transport mode',
    esp: ['aes256gcm16-esn'],
    mode: 'transport',
    greKey: 7,
    mtu: 1438,
  },
  {
    title: 'RFC 8750 §4: AES-GCM with implicit IV, tunnel mode in UDP',
    esp: ['aes256gcm16iiv-esn'],
    encapsulation: 'udp',
    mtu: 1422,
  },
  {
    title: 'RFC 8750 §4: ChaCha20-Poly1305 with implicit IV, transport mode',
    esp: ['chacha20poly1305iiv'],
    mode: 'transport',
    mtu: 1450,
  },
]

t.test('two Brunels', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { hostA, hostB } = sites.topology.at
  const server = await IperfServer.start(hostB, `${sites.topology.folder}/iperf.log`)
  t.teardown(() => server.stop())

  for (const { title, mtu, ...wishes } of SHAPES)
    await t.test(title, async t => {
      for (const host of [hostA, hostB]) await host.ip(['route flush cache']) // path MTUs of the shape before
      await sites.connect(wishes)
      await sites.up()
      const report = await sites.routers.A.api.tunnel(tunnelName('A'))
      t.match(report.ike[0]?.suite, /-ke1_mlkem768$/, 'a post-quantum hybrid without a word of configuration')
      t.equal(report.mtu.tunnel, mtu, `MTU ${mtu}, as the table has it`)
      t.match(report.ike[0]?.children[0]?.suite, wishes.esp?.[0]?.split('-')[0] ?? 'aes256gcm16')
      const [link] = await sites.topology.at.routerA.json<{ mtu: number }[]>('link', 'show', 'dev', 'gre1')
      t.equal(link?.mtu, mtu, 'the interface has it')
      for (const [from, to] of [
        [hostA, ADDRESSES.host.B],
        [hostB, ADDRESSES.host.A],
      ] as const) {
        for (const family of [4, 6] as Family[]) {
          const { received, text } = await ping(from, to[family], { count: 3, interval: 0.05 })
          t.equal(received, 3, `IPv${family} ${text}`)
        }
        const whole = await ping(from, to[4], { size: mtu - 28, whole: true, count: 2, interval: 0.05 })
        t.equal(whole.received, 2, `${mtu} octets cross whole: ${whole.text}`)
        const over = await ping(from, to[4], { size: mtu - 27, whole: true })
        t.equal(over.received, 0, 'one more does not')
      }
      for (const reverse of [false, true]) {
        const { bytes } = await iperf(hostA, ADDRESSES.host.B[4], { seconds: 1, reverse })
        t.ok(bytes > 1e6, `TCP ${reverse ? 'B to A' : 'A to B'} carried ${bytes} octets`)
      }
      const { bytes } = await iperf(hostA, ADDRESSES.host.B[6], { seconds: 1 })
      t.ok(bytes > 1e6, `TCP over IPv6 carried ${bytes} octets`)
      const child = report.ike[0]?.children[0]
      t.equal(child?.mode, wishes.mode ?? 'tunnel')
      t.equal(child?.encapsulation, wishes.encapsulation ?? 'none')
    })
})

t.test('rekeys that cross', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  await sites.connect({ esp: ['aes128gcm16-x25519'], encapsulation: 'udp' })
  await sites.settled()
  const server = await IperfServer.start(topology.at.hostB, `${topology.folder}/iperf.log`)
  t.teardown(() => server.stop())
  const ping6 = new LongPing(topology.at.hostA, ADDRESSES.host.B[6], join(topology.folder, 'ping6'), 0.005)
  const flow = iperf(topology.at.hostA, ADDRESSES.host.B[4], { seconds: 12, more: ['--bidir', '-b', '50M'] })
  const { A, B } = routers
  const at = ['--socket', A.socket, '--token-file', A.tokenFile, '--json']
  const other = ['--other', B.socket, '--other-token-file', B.tokenFile]
  const { code, out, err } = await run(
    [...PLAIN_NODE, BRUNEL, ...at, 'drill', 'rekey', tunnelName('A'), '--count', '36', ...other],
    { limit: 100_000 },
  )
  t.equal(code, 0, err)
  const report = JSON.parse(out)
  t.match(report, { passed: true, lost: 0, unfinished: [] }, 'RFC 7296 §2.8: no packet is lost')
  for (const { sent, received } of [report.hereToOther, report.otherToHere]) {
    t.ok(sent > 1000, `the data path counted ${sent} packets`)
    t.equal(received, sent)
  }
  t.ok(report.probes.answered > 50, 'numbered probes crossed, too')
  for (const what of ['child', 'ike'] as const) {
    const [a, b] = [report.here[what], report.other[what]]
    t.ok(a.crossed > 0, `RFC 7296 §2.8.1, §2.8.2: ${a.crossed} crossings of kind ${what}`)
    t.ok(a.redundant + b.redundant > 0 && a.finished > 0 && b.finished > 0, 'and each end saw its share')
    t.equal(a.finished, b.answered, 'what one made the other answered')
  }
  t.comment(out)
  t.ok((await flow).bytes > 1e6)
  const { sent, gaps } = await ping6.stop()
  t.equal(gaps.length, 0, `RFC 7296 §2.8: no packet of ${sent} is lost`)
  const metrics = (await A.api.send('GET', '/metrics')).text
  t.match(metrics, /brunel_rekey_collisions_total\{what="child",redundant="(ours|theirs)"\} [1-9]/)
})

t.test('a NAT between the routers', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t, { nat: true })
  await sites.connect({}, { B: { remote: 'any', initiate: false } })
  await sites.settled()
  const report = await sites.routers.A.api.tunnel(tunnelName('A'))
  t.equal(report.ike[0]?.nat.local, true, 'A knows that it is behind a NAT')
  t.match(report.ike[0]?.remote, /:4500$/, 'RFC 7296 §2.23: both float to port 4500')
  t.equal(report.ike[0]?.children[0]?.encapsulation, 'udp')
  t.equal(report.mtu.tunnel, 1414)
  const { hostA, underlay } = sites.topology.at
  const { received } = await ping(hostA, ADDRESSES.host.B[4], { count: 5, interval: 0.05 })
  t.equal(received, 5)

  await t.test(
    'RFC 7296 §2.23: the NAT forgets and maps anew; the new address is learnt from authentic packets',
    async t => {
      const spi = report.ike[0]?.children[0]?.spiIn
      // Without its address the NAT drops every mapping that used it.
      await underlay.ip(['addr del 198.51.100.1/24 dev toB', 'addr add 198.51.100.9/24 dev toB'])
      await until(
        'ping through the new mapping',
        15_000,
        async () => (await ping(hostA, ADDRESSES.host.B[4])).received === 1,
      )
      await until('B has learnt it', 30_000, async () => {
        const [sa] = (await sites.routers.B.api.tunnel(tunnelName('B'))).ike
        return sa?.remote.startsWith('198.51.100.9:')
      })
      t.equal(
        (await sites.routers.A.api.tunnel(tunnelName('A'))).ike[0]?.children[0]?.spiIn,
        spi,
        'by the same SA',
      )
    },
  )
})
