/** What is on the wire, as others read it; and what must not be there, nor in logs, metrics and answers. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Capture, FOREIGN, withoutTshark } from '../../src/net/capture.js'
import { must, run } from '../../src/net/command.js'
import { ADDRESSES } from '../../src/net/topology.js'
import { IperfServer, iperf, ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { PSK } from '../../src/peers/peer-document.js'
import { tunnelName, type Wishes } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

const skipTshark = noLab() || (await withoutTshark())

/** Packets that Wireshark calls malformed, or of which it says that they break their protocol. */
const BROKEN = '_ws.malformed or _ws.expert.severity >= 0x00800000'

const decode = (file: string, filter: string, fields: readonly string[], keys?: string): Promise<string> => {
  const options = keys === undefined ? [] : ['-o', 'esp.enable_encryption_decode:TRUE', ...rows(keys)]
  return must(
    ['tshark', '-n', '-r', file, ...options, '-Y', filter, '-T', 'fields', ...fields.flatMap(f => ['-e', f])],
    { limit: 60_000 },
  )
}
const rows = (keys: string): readonly string[] =>
  keys
    .split('\n')
    .filter(row => row !== '' && !row.startsWith('#'))
    .flatMap(row => ['-o', `uat:esp_sa:${row}`])

/** Else a capture shows ESP packets that left together as the one that they are until the wire (UDP GSO). */
async function separately({ topology }: Awaited<ReturnType<typeof twoSites>>): Promise<void> {
  for (const router of [topology.at.routerA, topology.at.routerB])
    await router.ip(['link set dev wan0 gso_max_segs 1'])
}

t.test('Wireshark reads it', { skip: skipTshark, timeout: 600_000 }, async t => {
  const keyLog = join('/tmp', `brunel-keys-${process.pid}`)
  const sites = await twoSites(t)
  const { topology } = sites
  await separately(sites)
  const reader = new Bruneld(topology.at.routerA, join(topology.folder, 'with-keys'), {
    env: { BRUNEL_KEYLOG: keyLog },
  })
  t.teardown(() => run(['rm', '-f', keyLog]))
  await sites.routers.A.stop()
  await reader.start()
  t.teardown(() => reader.stop())
  const shapes: readonly (Wishes & { readonly title: string })[] = [
    { title: 'AES-GCM in UDP', encapsulation: 'udp', esp: ['aes128gcm16'] },
    { title: 'AES-CBC, protocol 50, GRE key', esp: ['aes256-sha256'], greKey: 9 },
    {
      title: 'AES-GCM with ESN, transport mode over IPv6',
      family: 6,
      mode: 'transport',
      esp: ['aes256gcm16-esn'],
    },
  ]
  for (const { title, ...wishes } of shapes)
    await t.test(title, async t => {
      const capture = await Capture.start(
        topology.at.underlay,
        'toA',
        join(topology.folder, `${title.replaceAll(/\W/g, '-')}.pcap`),
      )
      const asA = { ...sites, routers: { A: reader, B: sites.routers.B } }
      await sites.connect.call(asA, wishes)
      await sites.up.call(asA)
      await ping(topology.at.hostA, ADDRESSES.host.B[4], { count: 5, interval: 0.05 })
      await ping(topology.at.hostA, ADDRESSES.host.B[6], { count: 5, interval: 0.05 })
      await reader.api.ask('POST', `/v1/tunnels/${tunnelName('A')}/rekey`)
      await ping(topology.at.hostA, ADDRESSES.host.B[4], { count: 5, interval: 0.05 })
      await reader.api.ask('DELETE', `/v1/peers/${tunnelName('A')}`)
      await capture.stop()
      const keys = readFileSync(keyLog, 'utf8')
      t.equal(
        await decode(capture.file, BROKEN, ['frame.number', '_ws.col.Info'], keys),
        '',
        'nothing is malformed',
      )
      t.same(await capture.lines(FOREIGN), [], 'nothing but IKE and ESP')
      const exchanges = new Set((await decode(capture.file, 'isakmp', ['isakmp.exchangetype'])).split('\n'))
      for (const type of ['34', '35', '36', '37', '43'])
        t.ok(exchanges.has(type), `exchange type ${type} is seen`)
      const inner = await decode(
        capture.file,
        'esp and gre and (icmp.type == 8 or icmpv6.type == 128)',
        ['ip.src', 'ipv6.src'],
        keys,
      )
      t.ok(inner.split('\n').length > 15, 'given the keys it sees the pings inside GRE inside ESP')

      const said = [reader.log(), await reader.api.metrics()]
      for (const path of ['/v1/tunnels', '/v1/peers', '/v1/audit'])
        said.push((await reader.api.send('GET', path)).text)
      const secrets = [...keys.matchAll(/"0x([0-9a-f]{32,})"/g)].map(([, key = '']) => key)
      t.ok(secrets.length > 0)
      for (const key of secrets)
        t.notOk(
          said.some(text => text.includes(key)),
          'no key of an SA is told to anyone else',
        )
    })
})

/** Octets of the packet on the underlay, so that the two pings are told apart from each other and from all else. */
const OUTER = { whole: 'ip[2:2] > 240 and ip[2:2] < 400', loose: 'ip[2:2] > 640 and ip[2:2] < 800' } as const
const DF = 'ip[6] & 0x40 != 0'
const EF = 0xb8

t.test('the outer header', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { topology } = sites
  await separately(sites)
  const { hostA, underlay } = topology.at
  const target = ADDRESSES.host.B[4]
  const ask = (size: number, df: 'do' | 'dont') =>
    hostA.must(['ping', '-n', '-c', '5', '-i', '0.05', '-s', `${size}`, '-M', df, '-Q', `${EF}`, target])
  const shapes: readonly (Wishes & { title: string; whole: string; loose: string; tos: number })[] = [
    { title: 'DF set, DSCP copied', whole: DF, loose: DF, tos: EF },
    { title: 'DF copied', df: 'copy', whole: DF, loose: `not (${DF})`, tos: EF },
    {
      title: 'DF clear, DSCP 10',
      df: 'clear',
      dscp: 10,
      whole: `not (${DF})`,
      loose: `not (${DF})`,
      tos: 40,
    },
  ]
  for (const encapsulation of ['udp', 'none'] as const)
    for (const { title, whole, loose, tos, ...wishes } of shapes)
      await t.test(`RFC 4301 §8.1, §5.1.2.1: ${title}, encapsulation ${encapsulation}`, async t => {
        await sites.connect({ esp: ['aes128gcm16'], encapsulation, ...wishes })
        await sites.up()
        const file = join(topology.folder, `outer-${title.replaceAll(/\W/g, '-')}-${encapsulation}.pcap`)
        const capture = await Capture.start(underlay, 'toA', file)
        await ask(200, 'do')
        await ask(600, 'dont')
        await capture.stop()
        const from = `src host ${ADDRESSES.wan.A[4]} and ${encapsulation === 'udp' ? 'udp port 4500' : 'ip proto 50'}`
        for (const [size, df] of [
          [OUTER.whole, whole],
          [OUTER.loose, loose],
        ] as const) {
          const of = `${from} and ${size} and ip[1] = ${tos}`
          t.ok((await capture.count(`${of} and (${df})`)) >= 5, df)
          t.equal(await capture.count(`${of} and not (${df})`), 0)
        }
      })

  await t.test('RFC 4301 §8.1: with DF clear the underlay carries what is too large for it', async t => {
    await underlay.ip(['route replace 198.51.100.0/24 dev toB mtu lock 1280'])
    const { received, text } = await ping(hostA, target, { size: 1300, count: 3, interval: 0.05 })
    t.equal(received, 3, text)
    t.equal((await sites.routers.A.api.tunnel(tunnelName('A'))).mtu.tunnel, 1422, 'and the MTU stays')
  })
})

t.test('nothing leaks', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  const { hostA, hostB } = topology.at
  const capture = await Capture.start(topology.at.underlay, 'toA', join(topology.folder, 'leak.pcap'), 128)

  await t.test('RFC 4301 §5.1: without an SA nothing leaves in the clear', async t => {
    await sites.connect({}, { A: { psk: 'one-of-the-two-keys' }, B: { psk: 'the-other-of-two-keys' } })
    const { received } = await ping(hostA, ADDRESSES.host.B[4], { count: 10, interval: 0.1 })
    t.equal(received, 0)
    t.ok(((await routers.A.api.drops())['tunnel-no-sa'] ?? 0) >= 1, 'counted as tunnel-no-sa')
  })

  await t.test(
    'RFC 4301 §5.2: GRE in the clear is refused and counted, with the tunnel down and up',
    async t => {
      const gre = `socket(S,2,3,47);send(S,pack("H*","0000080045000054"."00"x76),0,pack("Sx2a4x8",2,pack("C4",${ADDRESSES.wan.B[4].split('.')}))) for 1..20`
      await sites.connect()
      await sites.up()
      const before = (await routers.B.api.drops())['gre-clear'] ?? 0
      await topology.at.stranger.must(['perl', '-e', gre])
      await topology.at.routerA.must(['perl', '-e', gre])
      const inside = await ping(hostA, ADDRESSES.host.B[4], { count: 3, interval: 0.05 })
      t.equal(inside.received, 3, 'the tunnel is not disturbed')
      const counted = async (): Promise<number> => ((await routers.B.api.drops())['gre-clear'] ?? 0) - before
      await until('all are counted', 30_000, async () => (await counted()) >= 40)
      t.equal(await counted(), 40)
    },
  )

  await t.test('the capture of all that holds nothing else', async t => {
    const server = await IperfServer.start(hostB, `${topology.folder}/iperf.log`)
    await iperf(hostA, ADDRESSES.host.B[4], { seconds: 1 })
    await server.stop()
    await capture.stop()
    t.same(await capture.lines(`(${FOREIGN}) and not (ip proto 47 and src host ${ADDRESSES.wan.A[4]})`), [])
    t.ok((await capture.count('ip proto 50 or udp port 4500')) > 100)
  })

  await t.test('secrets are in no log, answer, metric or event', async t => {
    for (const side of ['A', 'B'] as const) {
      const { api } = routers[side]
      const paths = [
        '/v1/peers',
        `/v1/peers/${tunnelName(side)}`,
        '/v1/tunnels',
        `/v1/tunnels/${tunnelName(side)}`,
        '/v1/audit',
        '/v1/drops',
        '/metrics',
        '/openapi.json',
      ]
      const said = await Promise.all(paths.map(async path => (await api.send('GET', path)).text))
      const token = readFileSync(routers[side].tokenFile, 'utf8').trim()
      const database = await must([
        'sh',
        '-c',
        `cat ${routers[side].dataDir}/*.db* ${routers[side].dataDir}/*.sqlite* 2>/dev/null || true`,
      ])
      for (const [where, text] of [
        ['log', routers[side].log()],
        ['API', said.join('\n')],
        ['database', database],
      ] as const) {
        t.notOk(text.includes(PSK), `no pre-shared key in the ${where}`)
        t.notOk(text.includes(token), `no token in the ${where}`)
      }
    }
  })

  await t.test(
    'the metrics are as Prometheus wants them',
    { skip: (await run(['promtool', '--version'])).code !== 0 && 'not installed: promtool' },
    async t => {
      const { code, out, err } = await run(['promtool', 'check', 'metrics'], {
        input: await routers.A.api.metrics(),
      })
      t.equal(code, 0)
      t.equal(out + err, '')
    },
  )
})
