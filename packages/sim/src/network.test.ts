import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { instant } from '@brunel/base'
import t from 'tap'
import { Dice } from './dice.js'
import { Nat } from './nat.js'
import { type Datagram, Network, PERFECT } from './network.js'
import { ipPacket, Pcap } from './pcap.js'
import { VirtualTime } from './virtual-time.js'

const datagram = (number: number, from = '192.0.2.1', to = '198.51.100.1'): Datagram => ({
  protocol: 17,
  from: { address: from, port: 500 },
  to: { address: to, port: 500 },
  bytes: Uint8Array.of(number),
})

function underlay(seed: number): { time: VirtualTime; network: Network; arrived: string[] } {
  const time = new VirtualTime()
  const network = new Network(time, new Dice(seed))
  const arrived: string[] = []
  network.attach('198.51.100.1', d =>
    arrived.push(`${time.now()} ${d.from.address}:${d.from.port} ${d.bytes[0]}`),
  )
  return { time, network, arrived }
}

t.test('a perfect path delivers after its delay, in order', async t => {
  const { time, network, arrived } = underlay(1)
  for (const n of [1, 2, 3]) network.send(datagram(n))
  t.same(arrived, [], 'never within the call that sent it')
  time.runUntil(instant(1000))
  t.same(arrived, ['10 192.0.2.1:500 1', '10 192.0.2.1:500 2', '10 192.0.2.1:500 3'])
})

t.test('loss, duplication and reordering come from the seed alone', async t => {
  const run = (seed: number): string[] => {
    const { time, network, arrived } = underlay(seed)
    network.quality('192.0.2.1', { ...PERFECT, loss: 0.3, duplicate: 0.2, jitter: 50 })
    for (let n = 0; n < 200; n++) network.send(datagram(n))
    time.runUntil(instant(1000))
    return arrived
  }
  t.same(run(7), run(7))
  t.not(run(7).join(), run(8).join())
  const order = run(7).map(line => Number(line.split(' ')[2]))
  t.ok(new Set(order).size > 110 && new Set(order).size < 170, 'about 30 % are lost')
  t.ok(order.length > new Set(order).size, 'some come twice')
  t.ok(
    order.some((n, i) => i > 0 && n < (order[i - 1] as number)),
    'some overtake',
  )
})

t.test('a cut host neither sends nor receives; an MTU loses what is larger', async t => {
  const { time, network, arrived } = underlay(1)
  network.cut('198.51.100.1')
  network.send(datagram(1))
  time.runUntil(instant(100))
  network.mend('198.51.100.1')
  network.quality('192.0.2.1', { ...PERFECT, mtu: 576 })
  network.send({ ...datagram(2), bytes: new Uint8Array(548).fill(2) })
  network.send({ ...datagram(3), bytes: new Uint8Array(549).fill(3) })
  time.runUntil(instant(200))
  t.same(arrived, ['110 192.0.2.1:500 2'])
})

t.test('a NAT rewrites the port, keeps the mapping, filters strangers, and rebinds', async t => {
  const { time, network, arrived } = underlay(1)
  const back: string[] = []
  network.attach('10.0.0.1', d => back.push(`${d.to.address}:${d.to.port} ${d.bytes[0]}`))
  const nat = new Nat('10.0.0.1', '203.0.113.9', 40000)
  network.nat(nat)
  const answer = (n: number, port: number, from = '198.51.100.1'): void =>
    network.send({ ...datagram(n, from, '203.0.113.9'), to: { address: '203.0.113.9', port } })
  network.send(datagram(1, '10.0.0.1'))
  answer(2, 40000)
  answer(3, 40000, '198.51.100.66')
  time.runUntil(instant(100))
  nat.rebind()
  answer(4, 40000)
  network.send(datagram(5, '10.0.0.1'))
  time.runUntil(instant(200))
  t.same(arrived, ['10 203.0.113.9:40000 1', '110 203.0.113.9:40001 5'])
  t.same(back, ['10.0.0.1:500 2'])
})

const tshark = spawnSync('tshark', ['--version']).status === 0
t.test('a capture is read by tshark', { skip: tshark ? false : 'tshark is not installed' }, async t => {
  const pcap = new Pcap()
  pcap.add(instant(1500), {
    ...datagram(1),
    bytes: Uint8Array.from([...Array(16).fill(1), 41, 32, 34, 8, 0, 0, 0, 0, 0, 0, 0, 28]),
  })
  pcap.add(instant(1750), { ...datagram(9, '2001:db8::1', '2001:db8::2'), bytes: Uint8Array.of(1, 2, 3) })
  pcap.add(instant(2000), {
    protocol: 50,
    from: { address: '192.0.2.1', port: 0 },
    to: { address: '198.51.100.1', port: 0 },
    bytes: Uint8Array.from([0, 0, 1, 0, 0, 0, 0, 1, ...Array(32).fill(7)]),
  })
  const folder = mkdtempSync(join(tmpdir(), 'brunel-pcap-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'a.pcap'), pcap.file())
  const columns = ['frame.time_relative', 'frame.protocols', 'ip.checksum.status', 'udp.checksum.status']
  const read = execFileSync(
    'tshark',
    [
      '-r',
      join(folder, 'a.pcap'),
      '-o',
      'ip.check_checksum:TRUE',
      '-o',
      'udp.check_checksum:TRUE',
      '-T',
      'fields',
      ...columns.flatMap(c => ['-e', c]),
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  t.match(
    read,
    /0\.000000000\traw:ip:udp:isakmp\t1\t1\n0\.250000000\traw:ipv6:udp\S*\t\t1\n0\.500000000\traw:ip:esp\t1\t/,
  )
})

t.test('an IP packet carries its own length', async t => {
  t.equal(ipPacket(datagram(1)).length, 29)
  t.equal(ipPacket(datagram(1, '2001:db8::1', '2001:db8::2')).length, 49)
})
