/** The LAN port of the OSPF relay on a real interface: what a neighbour sends and hears, and what the kernel is left with. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Capture, packetsIn } from '../../src/net/capture.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import { flood } from '../../src/net/flood.js'
import { Namespace, uniquePrefix } from '../../src/net/namespace.js'
import { pause, until } from '../../src/net/until.js'
import type { LanCommand, LanNews } from '../../src/peers/lan-port.js'
import { noLab } from './gear.js'

const PROGRAM = fileURLToPath(new URL('../../src/peers/lan-port.js', import.meta.url))

class Port {
  readonly heard: LanNews[] = []
  readonly child: ChildProcess
  err = ''

  constructor(place: Namespace, device: string, ...kinds: readonly string[]) {
    const [command = '', ...args] = place.command(...PLAIN_NODE, PROGRAM, device, ...kinds)
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface({ input: this.child.stdout! }).on('line', line =>
      this.heard.push(JSON.parse(line) as LanNews),
    )
    this.child.stderr!.on('data', (text: Buffer) => {
      this.err += text.toString()
    })
  }

  tell(command: LanCommand): void {
    this.child.stdin!.write(`${JSON.stringify(command)}\n`)
  }

  wait<T>(what: string, find: (news: LanNews) => T | undefined | false, limit = 20_000): Promise<T> {
    return until(what, limit, () => this.heard.map(find).find(found => found), 10)
  }

  packet(packet: Uint8Array): Promise<boolean> {
    const wanted = hex(packet)
    return this.wait(`the packet ${wanted}`, news => news.on === 'packet' && news.hex === wanted)
  }

  state(is: string, detail = /./): Promise<boolean> {
    return this.wait(
      `${is} ${detail}`,
      news => news.on === 'state' && news.is === is && (is === 'open' || detail.test(news.detail)),
    )
  }

  async presence(address: string, presence: string): Promise<void> {
    await until(`${address} is ${presence}`, 20_000, async () => {
      this.heard.length = 0
      this.tell({ do: 'report' })
      return this.wait('a report', news => news.on === 'report' && news.neighbours[address] === presence, 200)
    })
  }

  async end(signal?: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const ended = once(this.child, 'exit')
    if (signal !== undefined) this.child.kill(signal)
    else {
      this.tell({ do: 'stop' })
      this.child.stdin!.end()
    }
    await ended
  }
}

const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')
/** 10.0.0.9, fe80::9, ff02::5: no more is needed here. */
const address = (text: string): Uint8Array => {
  if (!text.includes(':')) return Uint8Array.from(text.split('.').map(Number))
  const [front = '', back = ''] = text.split('::')
  return Buffer.from(`${front}${back.padStart(28, '0')}`, 'hex')
}
/** RFC 1071 §1. */
const checksum = (octets: Uint8Array, start = 0): number => {
  let sum = start
  for (let at = 0; at < octets.length; at += 2) sum += (octets[at]! << 8) | octets[at + 1]!
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16)
  return ~sum & 0xffff
}

/** IPv4 with TTL 1 and CS6, of which the kernel has nothing to fill in. */
function v4(source: string, destination: string, payload: Uint8Array, protocol = 89, ttl = 1): Uint8Array {
  const packet = new Uint8Array(20 + payload.length)
  packet.set([0x45, 0xc0, 0, packet.length, 0x12, 0x34, 0, 0, ttl, protocol])
  packet.set(address(source), 12)
  packet.set(address(destination), 16)
  Buffer.from(packet.buffer).writeUInt16BE(checksum(packet.subarray(0, 20)), 10)
  packet.set(payload, 20)
  return packet
}

/** IPv6 around any payload. */
function bare(source: string, destination: string, payload: Uint8Array, protocol = 89, hops = 1): Uint8Array {
  const packet = new Uint8Array(40 + payload.length)
  packet.set([0x6c, 0, 0, 0, 0, payload.length, protocol, hops])
  packet.set(address(source), 8)
  packet.set(address(destination), 24)
  packet.set(payload, 40)
  return packet
}

/** IPv6 with a checksum of OSPFv3 or UDP. */
function v6(source: string, destination: string, payload: Uint8Array, protocol = 89, hops = 1): Uint8Array {
  const packet = bare(source, destination, payload, protocol, hops)
  const octets = Buffer.from(packet.buffer)
  const field = protocol === 89 ? 52 : 46
  octets.writeUInt16BE(0, field)
  octets.writeUInt16BE(checksum(packet.subarray(8), payload.length + protocol), field)
  return packet
}

/** Octets that nobody else sends. Type 1 is a Hello, 2 a Database Description. */
const ospf = (version: number, type: number, mark: number): Uint8Array => {
  const octets = new Uint8Array(44).fill(mark)
  octets.set([version, type, 0, 44])
  return octets
}

const packetsOf = (capture: Capture): string[] => packetsIn(capture.file).map(hex)

const ROUTER = { 4: '10.0.0.1', 6: 'fe80::1' }
const HOST = { 4: '10.0.0.2', 6: 'fe80::2' }
const PROXY_NDP = '/proc/sys/net/ipv6/conf/lan/proxy_ndp'
const FAR = { 4: '10.0.0.9', 6: 'fe80::9' }

t.test('the LAN of a relay', { skip: noLab(), timeout: 180_000 }, async t => {
  const prefix = uniquePrefix()
  const folder = mkdtempSync(join(tmpdir(), 'brunel-lan-'))
  const router = await Namespace.make(`${prefix}relay-lan-r`)
  t.teardown(() => router.remove())
  const host = await Namespace.make(`${prefix}relay-lan-h`)
  t.teardown(() => host.remove())
  t.teardown(() => rmSync(folder, { recursive: true }))
  const wire = async (): Promise<void> => {
    await router.ip([`link add lan type veth peer name eth0 netns ${host.name}`])
    await router.sysctl({
      'net.ipv4.conf.lan.rp_filter': 1,
      'net.ipv6.conf.lan.accept_dad': 0,
      'net.ipv6.conf.lan.addr_gen_mode': 1,
    })
    await host.sysctl({ 'net.ipv6.conf.eth0.accept_dad': 0, 'net.ipv6.conf.eth0.addr_gen_mode': 1 })
  }
  const address4and6 = async (): Promise<void> => {
    await host.ip([`addr add ${HOST[4]}/24 dev eth0`, `addr add ${HOST[6]}/64 dev eth0 nodad`])
    await router.ip([`addr add ${ROUTER[4]}/24 dev lan`, `addr add ${ROUTER[6]}/64 dev lan nodad`])
  }
  await wire()
  await router.ip(['tuntap add tun0 mode tun', 'link set tun0 up'])
  await router.sysctl({ 'net.ipv4.ip_forward': 1, 'net.ipv6.conf.all.forwarding': 1 })

  /** All that the relay could leave behind in the kernel. */
  const traces = async (): Promise<string> => {
    const shown = await router.must(['sh'], {
      input: `ip -4 rule; ip -6 rule; ip neigh show proxy; ip -4 route show table all; ip -6 route show table all; cat ${PROXY_NDP}`,
    })
    return shown
  }
  const rules = (): Promise<string> => router.must(['sh'], { input: 'ip -4 rule; ip -6 rule' })
  const ports: Port[] = []
  t.teardown(async () => {
    for (const port of ports) await port.end('SIGKILL')
    if (!t.passing()) for (const { err, heard } of ports) t.comment(err, JSON.stringify(heard.slice(-20)))
  })
  const open = (place: Namespace, device: string, ...kinds: readonly string[]): Port => {
    const port = new Port(place, device, ...kinds)
    ports.push(port)
    return port
  }

  const ours = open(router, 'lan', 'ospf', 'bfd')
  await t.test('it says in words what it waits for, and comes by itself', async t => {
    await ours.state('waiting', /is down/)
    await router.ip(['link set lan up'])
    await ours.state('waiting', /no carrier/)
    await host.ip(['link set eth0 up'])
    await ours.state('waiting', /no address/)
    await address4and6()
    await ours.state('open')
    await until('both families', 4000, () =>
      ours.heard.some(
        news => news.on === 'state' && news.is === 'open' && /rp_filter is strict/.test(news.warnings.join()),
      ),
    )
    t.pass()
  })
  const theirs = open(host, 'eth0', 'ospf')
  await theirs.state('open')

  await t.test('Hellos of a host are heard whole, and what is sent is heard octet for octet', async t => {
    const capture = await Capture.start(host, 'eth0', join(folder, 'hello.pcap'))
    const fromHost = [v4(HOST[4], '224.0.0.5', ospf(2, 1, 1)), v6(HOST[6], 'ff02::5', ospf(3, 1, 2))]
    const fromFar = [
      v4(FAR[4], '224.0.0.6', ospf(2, 4, 3)),
      v4(FAR[4], HOST[4], ospf(2, 2, 4)),
      v4('172.16.9.9', HOST[4], ospf(2, 2, 5)),
      v6(FAR[6], 'ff02::6', ospf(3, 4, 6)),
      v6(FAR[6], HOST[6], ospf(3, 2, 7)),
    ]
    for (const packet of fromHost) theirs.tell({ do: 'send', hex: hex(packet) })
    for (const packet of fromFar) ours.tell({ do: 'send', hex: hex(packet) })
    for (const packet of fromHost) t.ok(await ours.packet(packet))
    for (const packet of fromFar)
      await until('it is on the wire', 4000, () => packetsOf(capture).includes(hex(packet)), 20)
    await capture.stop()
    for (const packet of fromFar)
      t.notOk(
        ours.heard.some(news => news.on === 'packet' && news.hex === hex(packet)),
        'not heard by itself',
      )
  })

  const descriptions = [v4(HOST[4], FAR[4], ospf(2, 2, 8)), v6(HOST[6], FAR[6], ospf(3, 2, 9))]
  await t.test('ARP and ND are answered for a far neighbour, and unicast with TTL 1 comes whole', async t => {
    const capture = await Capture.start(host, 'eth0', join(folder, 'announced.pcap'))
    for (const far of [FAR[4], FAR[6], HOST[4], HOST[6]])
      ours.tell({ do: 'neighbour', address: far, tunnel: 'tun0', present: true })
    await ours.presence(FAR[4], 'present')
    await ours.presence(FAR[6], 'present')
    await ours.presence(HOST[4], 'taken')
    await ours.presence(HOST[6], 'taken')
    const far6 = hex(address(FAR[6]))
    for (const [what, said] of [
      ['RFC 5227 §3: an ARP announcement', /^0001080006040001.{12}0a0000090{12}0a000009/],
      [
        'RFC 4861 §7.2.6: an unsolicited NA',
        new RegExp(`^6.{11}3aff${far6}ff020{27}18800....a0000000${far6}0201`),
      ],
    ] as const)
      t.ok(await until(what, 3000, () => packetsOf(capture).some(packet => said.test(packet)), 20), what)
    await capture.stop()
    for (const packet of descriptions) theirs.tell({ do: 'send', hex: hex(packet) })
    for (const packet of descriptions) t.ok(await ours.packet(packet))
    const bfd = new Uint8Array([0xc0, 0, 0x0e, 0xc8, 0, 12, 0, 0, 1, 2, 3, 4])
    const controls = [v4(HOST[4], FAR[4], bfd, 17, 255), v6(HOST[6], FAR[6], bfd, 17, 255)]
    const after = await Capture.start(
      host,
      'eth0',
      join(folder, 'bfd.pcap'),
      0,
      'udp or icmp or icmp6[0] < 128',
    )
    for (const control of controls) {
      theirs.tell({ do: 'send', hex: hex(control) })
      t.ok(await ours.packet(control), 'RFC 5881 §5: BFD with TTL 255')
      await until('it is captured', 2000, () => packetsOf(after).includes(hex(control)), 20)
    }
    await pause(50)
    await after.stop()
    t.same(packetsOf(after), controls.map(hex), 'and nobody says "port unreachable"')
    const proxies = await router.json<{ dst: string }[]>('neigh', 'show', 'proxy')
    t.same(proxies.map(({ dst }) => dst).sort(), [FAR[4], FAR[6]], 'nobody speaks for what the LAN has')
  })

  await t.test(
    'RFC 7166 §4.2: without a checksum too it is known for which of two neighbours it is',
    async t => {
      const second = 'fe80::8'
      ours.tell({ do: 'neighbour', address: second, tunnel: 'tun0', present: true })
      await ours.presence(second, 'present')
      const silent = (type: number, mark: number): Uint8Array => ospf(3, type, mark).fill(0, 12, 14)
      /** RFC 4302 §2: next header, length in words less 2, SPI, sequence number, an ICV of 96 bits. */
      const behindAh = (type: number, mark: number): Uint8Array =>
        Uint8Array.from([
          89,
          4,
          0,
          0,
          0,
          0,
          1,
          0,
          0,
          0,
          0,
          mark,
          ...Array(12).fill(mark),
          ...ospf(3, type, mark),
        ])
      let mark = 0x20
      for (const known of [false, true]) {
        ours.tell({ do: 'resident', address: HOST[6], is: known })
        await ours.presence(second, 'present') // so that it has read the line before
        const packets = ['ff02::5', 'ff02::6', second, FAR[6]].flatMap(to => [
          bare(HOST[6], to, silent(4, mark++)),
          bare(HOST[6], to, behindAh(4, mark++), 51),
        ])
        // For the router itself: nobody's business here.
        theirs.tell({ do: 'send', hex: hex(bare(HOST[6], ROUTER[6], silent(2, mark++))) })
        for (const packet of packets) theirs.tell({ do: 'send', hex: hex(packet) })
        for (const packet of packets) t.ok(await ours.packet(packet))
        const heard = ours.heard.flatMap(news => (news.on === 'packet' ? [news.hex] : []))
        t.same(heard.sort(), packets.map(hex).sort(), 'each once, and nothing else')
        t.notOk(
          ours.heard.some(news => news.on === 'drop'),
          'nothing is counted as lost',
        )
      }
      ours.tell({ do: 'neighbour', address: second, tunnel: 'tun0', present: false })
    },
  )

  await t.test('a beacon is heard by the other relay of the LAN, and not by its sender', async t => {
    ours.tell({ do: 'beacon', hex: 'b0b0' })
    t.ok(await theirs.wait('the beacon', news => news.on === 'beacon' && news.hex === 'b0b0'))
    t.notOk(ours.heard.some(news => news.on === 'beacon'))
  })

  await t.test('a neighbour that is withdrawn is not answered for', async t => {
    ours.tell({ do: 'neighbour', address: FAR[4], tunnel: 'tun0', present: false })
    ours.tell({ do: 'neighbour', address: FAR[6], tunnel: 'tun0', present: false })
    await until(
      'no proxy',
      20_000,
      async () => ((await router.json('neigh', 'show', 'proxy')) as unknown[]).length === 0,
    )
    await host.ip(['neigh flush dev eth0'])
    for (const far of [FAR[4], FAR[6]])
      await host.run(['ip', 'neigh', 'replace', far, 'dev', 'eth0', 'nud', 'none', 'use'])
    await pause(1200) // the kernel answers as a proxy within 0.8 s
    const known = await host.json<{ dst: string; lladdr?: string }[]>('neigh', 'show', 'dev', 'eth0')
    t.same(
      known.filter(({ dst, lladdr }) => lladdr && [FAR[4], FAR[6]].includes(dst)),
      [],
    )
  })

  await t.test('50,000 packets a second leave time for all else, and it hears again afterwards', async t => {
    await host.ip(['route add 224.0.0.0/4 dev eth0'])
    ours.heard.length = 0
    ours.tell({ do: 'count' })
    const pool = `ip ${hex(v4('10.0.0.66', '224.0.0.5', ospf(2, 1, 0x66)))}`
    const sent = await flood(host, '224.0.0.5', { perSecond: 50_000, seconds: 1, pool })
    ours.tell({ do: 'count' })
    const { packets, longest } = await ours.wait('a count', news => news.on === 'counted' && news)
    const drops = ours.heard.flatMap(news =>
      news.on === 'drop' && news.drop === 'relay-flood' ? [news.count] : [],
    )
    const dropped = drops.reduce((sum, count) => sum + count, 0)
    t.comment(
      `sent ${sent['ip']}, read ${packets}, dropped ${dropped}, longest wait ${longest.toFixed(1)} ms`,
    )
    t.ok(packets < 10_000, 'no more is read than it has time for')
    t.ok(dropped > 0, 'the rest is counted')
    t.ok(longest < 150, 'and nothing else waits long')
    const hello = v4(HOST[4], '224.0.0.5', ospf(2, 1, 10))
    await until('it hears again', 5000, async () => {
      theirs.tell({ do: 'send', hex: hex(hello) })
      return ours.heard.some(news => news.on === 'packet' && news.hex === hex(hello))
    })
  })

  /** Lines of sockets: a child that holds one keeps it open. */
  const sockets = (): Promise<string> =>
    router.must(['sh'], { input: 'cat /proc/net/raw /proc/net/raw6 | wc -l' })

  await t.test('rules and sysctls that somebody else took away are back', async t => {
    const before = await rules()
    t.match(before, /17500[\s\S]*17500/)
    await router.must(['sh', '-e'], {
      input: 'ip -4 rule flush protocol 175; ip -6 rule flush protocol 175',
    })
    await router.sysctl({ 'net.ipv6.conf.lan.proxy_ndp': 0, 'net.ipv4.conf.lan.forwarding': 0 })
    await until('the rules', 20_000, async () => (await rules()) === before)
    await ours.wait('a warning', n => n.on === 'state' && n.is === 'open' && /no ARP/.test(n.warnings.join()))
    await router.sysctl({ 'net.ipv4.conf.lan.forwarding': 1 })
    t.equal((await router.must(['cat', PROXY_NDP])).trim(), '1')
  })

  await t.test('the interface goes and another of its name comes: the relay is back by itself', async t => {
    ours.tell({ do: 'neighbour', address: FAR[4], tunnel: 'tun0', present: true })
    await ours.presence(FAR[4], 'present')
    const opened = await sockets()
    await router.ip(['link del lan'])
    await ours.state('waiting', /no interface lan/)
    await until('no route of ours', 20_000, async () => !/proto 175/.test(await router.must(['ip', 'route'])))
    ours.heard.length = 0
    await wire()
    await host.ip(['link set eth0 up'])
    await router.ip(['link set lan up'])
    await address4and6()
    await ours.state('open')
    await ours.presence(FAR[4], 'present')
    const description = v4(HOST[4], FAR[4], ospf(2, 2, 11))
    await until('it hears again', 5000, async () => {
      theirs.tell({ do: 'send', hex: hex(description) })
      return ours.heard.some(news => news.on === 'packet' && news.hex === hex(description))
    })
    t.equal(await sockets(), opened, 'nobody holds those of before')
  })

  await t.test(
    'nothing stays behind: not after it stops, and not when it is killed and started again',
    async t => {
      t.match(await traces(), /proto 175[\s\S]*\n1\n$/, 'proxy_ndp is on meanwhile')
      await ours.end()
      const before = await traces()
      t.notMatch(before, /17500|proto 175|proxy/)
      t.match(before, /\n0\n$/, 'proxy_ndp is off, as before')
      const bare = await rules()
      const again = open(router, 'lan', 'ospf', 'bfd')
      await again.state('open')
      for (const far of [FAR[4], FAR[6]])
        again.tell({ do: 'neighbour', address: far, tunnel: 'tun0', present: true })
      await again.presence(FAR[6], 'present')
      for (const pid of router.pids())
        if (readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('brunel-relay'))
          process.kill(pid, 'SIGTERM')
      await again.end('SIGKILL')
      t.match(await traces(), /lookup 17500[\s\S]*proto 175[\s\S]*\n1\n$/)
      await until(
        'it speaks for nobody, so that another relay may',
        20_000,
        async () => ((await router.json('neigh', 'show', 'proxy')) as unknown[]).length === 0,
      )
      const next = open(router, 'lan', 'ospf')
      await next.state('open')
      await next.end()
      t.equal(await traces(), before)
      const last = open(router, 'lan', 'ospf')
      await last.state('open')
      await router.ip(['link set lan down'])
      await last.state('waiting', /is down/)
      await last.end()
      t.equal(await rules(), bare, 'not even while the interface is down')
      t.equal((await router.must(['cat', PROXY_NDP])).trim(), '0')
    },
  )
})
