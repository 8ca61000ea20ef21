/** UDP is blocked between the routers: IKE and ESP over TCP, RFC 9329, and back to UDP when it is not. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Capture, withoutTshark } from '../../src/net/capture.js'
import { must } from '../../src/net/command.js'
import { STREAM_DISSECTOR } from '../../src/net/stream-dissector.js'
import { ADDRESSES, type Side } from '../../src/net/topology.js'
import { IperfServer, iperf, LongPing, ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

/** Packets that Wireshark calls malformed, or of which it says that they break their protocol. */
const BROKEN = '_ws.malformed or _ws.expert.severity >= 0x00800000'

t.test('UDP is blocked', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { topology, routers } = sites
  const { hostA, hostB, underlay, stranger } = topology.at

  const rules = (name: string, lines: readonly string[]): Promise<unknown> => {
    const table = lines.map(line => `chain ${line};`).join(' ')
    const input = `table inet ${name}\ndelete table inet ${name}\n${table === '' ? '' : `table inet ${name} { ${table} }\n`}`
    return underlay.must(['nft', '-f', '-'], { input })
  }
  /** A network that carries neither UDP nor protocol 50. */
  const blockUdp = (blocked: boolean): Promise<unknown> =>
    rules(
      'noudp',
      blocked
        ? ['c { type filter hook forward priority 0; meta l4proto udp drop; meta l4proto esp drop; }']
        : [],
    )
  const sa = async (side: Side) => (await routers[side].api.tunnel(tunnelName(side))).ike[0]
  const over = async (side: Side) => (await sa(side))?.children[0]?.encapsulation
  const crossing = async (): Promise<boolean> => (await ping(hostA, ADDRESSES.host.B[4])).received === 1
  const events = (side: Side): string => routers[side].log()

  await blockUdp(true)
  const capture = await Capture.start(underlay, 'toA', join(topology.folder, 'tcp.pcap'), 0, 'tcp')
  const server = await IperfServer.start(hostB, `${topology.folder}/iperf.log`)
  t.teardown(() => server.stop())

  await t.test('RFC 9329, RFC 8229 §5.1: the tunnel comes up over TCP within seconds', async t => {
    const began = performance.now()
    await sites.connect()
    await until('a ping crosses', 15_000, crossing)
    t.comment(`up after ${((performance.now() - began) / 1000).toFixed(1)} s`)
    await sites.up()
    for (const side of ['A', 'B'] as const) {
      t.equal(await over(side), 'tcp', `router ${side} says so`)
      t.match((await sa(side))?.remote, /\/tcp$/)
      t.match((await routers[side].api.tunnel(tunnelName(side))).layers.esp.detail, /in TCP/)
    }
    t.match(`${events('A')}${events('B')}`, /go over TCP: UDP gets no answer/)
    const metrics = await routers.A.api.metrics()
    t.match(metrics, /brunel_tcp_connections\{tunnel="site-b"\} [12]/)
  })

  await t.test('Wireshark reads IKE and ESP in the stream', { skip: await withoutTshark() }, async t => {
    await routers.A.api.ask('POST', `/v1/tunnels/${tunnelName('A')}/rekey`)
    await ping(hostA, ADDRESSES.host.B[4], { count: 100, interval: 0.01, size: 1000 })
    await capture.stop()
    const script = join(topology.folder, 'rfc9329.lua')
    writeFileSync(script, STREAM_DISSECTOR)
    const decode = (filter: string, field: string): Promise<string> =>
      must(
        [
          'tshark',
          '-n',
          '-r',
          capture.file,
          '-X',
          `lua_script:${script}`,
          '-Y',
          filter,
          '-T',
          'fields',
          '-e',
          field,
        ],
        { limit: 120_000 },
      )
    const types = new Set((await decode('isakmp', 'isakmp.exchangetype')).split(/[\n,]/))
    for (const type of ['34', '35', '36', '37']) t.ok(types.has(type), `exchange type ${type} is seen`)
    const prefixes = (await decode('frame contains "IKETCP"', 'tcp.stream')).trim().split('\n')
    t.equal(new Set(prefixes).size, prefixes.length, 'RFC 8229 §4: one prefix a connection')
    t.ok((await decode('esp', 'esp.spi')).split('\n').length > 100, 'ESP is seen')
    t.equal(await decode(BROKEN, 'frame.number'), '', 'nothing is malformed')
  })

  await t.test('packets of every size and streams cross', async t => {
    const { mtu } = await routers.A.api.tunnel(tunnelName('A'))
    t.equal(mtu.tunnel, 1386, 'RFC 8229 §3: what fills one segment')
    const whole = await ping(hostA, ADDRESSES.host.B[4], {
      size: mtu.tunnel - 28,
      whole: true,
      count: 20,
      interval: 0.02,
    })
    t.equal(whole.received, 20)
    const six = await ping(hostB, ADDRESSES.host.A[6], { count: 20, interval: 0.02 })
    t.equal(six.received, 20)
    for (const reverse of [false, true]) {
      const { bitsPerSecond, bytes } = await iperf(hostA, ADDRESSES.host.B[4], { seconds: 2, reverse })
      t.comment(`iperf3${reverse ? ' -R' : ''}: ${(bitsPerSecond / 1e6).toFixed(0)} Mbit/s`)
      t.ok(bytes > 1e6, `TCP ${reverse ? 'B to A' : 'A to B'} carried ${bytes} octets`)
    }
  })

  await t.test('UDP works again: back on it without a lost ping', async t => {
    const steady = new LongPing(hostA, ADDRESSES.host.B[4], join(topology.folder, 'ping'), 0.01)
    await blockUdp(false)
    for (const side of ['A', 'B'] as const)
      await until(`router ${side} is back`, 90_000, async () => (await over(side)) === 'none')
    const { sent, gaps } = await steady.stop()
    t.equal(gaps.length, 0, `no packet of ${sent} is lost`)
    t.match(`${events('A')}${events('B')}`, /are back on UDP/)
    await until('the connections are closed', 60_000, async () => {
      const out = await topology.at.routerA.must([
        'ss',
        '-Htn',
        'state',
        'established',
        'sport = :4500 or dport = :4500',
      ])
      return out.trim() === ''
    })
  })

  await t.test('UDP is blocked in mid-life: the link is back over TCP', async t => {
    await blockUdp(true)
    const began = performance.now()
    await until('silence is noticed, and a ping crosses', 25_000, crossing)
    t.comment(`back after ${((performance.now() - began) / 1000).toFixed(1)} s, detection included`)
    await sites.up()
    t.equal(await over('A'), 'tcp')
  })

  await t.test('RFC 9329, RFC 8229 §6: the connection is killed: another one, the same SAs', async t => {
    await sites.settled()
    const before = await sa('A')
    const port = before?.local
    await rules('resets', [
      'c { type filter hook forward priority 0; tcp dport 4500 reject with tcp reset; tcp sport 4500 reject with tcp reset; }',
    ])
    await until('it broke', 30_000, async () => {
      await crossing()
      return /connection with .* broke/.test(`${events('A')}${events('B')}`)
    })
    await rules('resets', [])
    const began = performance.now()
    await until('a ping crosses', 15_000, crossing)
    t.comment(`again after ${((performance.now() - began) / 1000).toFixed(1)} s`)
    const after = await sa('A')
    t.equal(after?.spiInitiator, before?.spiInitiator, 'the same IKE SA')
    t.equal(after?.children[0]?.spiIn, before?.children[0]?.spiIn, 'the same child SA')
    t.not(`${after?.local} ${after?.remote}`, `${port} ${before?.remote}`, 'by another connection')
  })

  await t.test('RFC 9329, RFC 8229 §4: garbage at the TCP port is closed and counted', async t => {
    const to = `/dev/tcp/${ADDRESSES.wan.B[4]}/4500`
    const before = (await routers.B.api.drops())['tcp-prefix'] ?? 0
    for (let i = 0; i < 5; i++)
      await stranger.run(['bash', '-c', `exec 3<>${to}; echo 'GET / HTTP/1.1' >&3; timeout 5 cat <&3`])
    await until(
      'all are counted',
      30_000,
      async () => ((await routers.B.api.drops())['tcp-prefix'] ?? 0) === before + 5,
    )
    t.ok(await crossing(), 'the tunnel is not disturbed')
  })
})
