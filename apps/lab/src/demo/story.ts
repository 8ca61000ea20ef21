import { join } from 'node:path'
import { Capture, FOREIGN } from '../net/capture.js'
import { IkeWatch, type SeenIke } from '../net/ike-watch.js'
import { ADDRESSES, type Family, type Side } from '../net/topology.js'
import { IperfServer, iperf, ping } from '../net/traffic.js'
import { until } from '../net/until.js'
import { type Sites, tunnelName, type Wishes } from '../sites.js'
import { routerCertificates, strangerRefused } from './certificates.js'
import { moves } from './mobike.js'
import type { DemoOptions } from './options.js'
import { neighbours, vtyFolder } from './ospf.js'
import { bold, chapter, dim, gigabits, Promises, print } from './paper.js'
import { relay } from './relay.js'

/** Tells the story of two sites; answers how many promises were broken. */
export async function tell(sites: Sites, options: DemoOptions): Promise<number> {
  const promises = new Promises()
  const { at, folder } = sites.topology
  picture(options)

  chapter('Two routers start')
  await sites.start()
  for (const side of ['A', 'B'] as const)
    print(
      `   router ${side}: bruneld, process ${sites.routers[side].pid}, data in ${sites.routers[side].dataDir}`,
    )

  const auth = options.certificates ? await routerCertificates(folder) : undefined
  chapter('Peers are made over the REST API, and IKE begins')
  const capture = await Capture.start(at.underlay, 'toA', join(folder, 'underlay.pcap'), 128)
  const seen: SeenIke[] = []
  const watch = await IkeWatch.start(at.underlay, 'toA', message => {
    seen.push(message)
    print(`   ${ladder(message)}`)
  })
  const began = performance.now()
  await sites.connect(wishes(options), {
    A: { ...auth?.A, ...(options.mobike ? { local: [] } : {}) },
    B: { ...auth?.B, ...(options.nat ? { remote: 'any', initiate: false } : {}) },
  })
  for (const side of ['A', 'B'] as const)
    print(`   router ${side}: POST /v1/peers ${dim(`"${tunnelName(side)}"`)} → 201`)
  const pinged = await until('ping from host A to host B', 20_000, async () => {
    const answer = await ping(at.hostA, ADDRESSES.host.B[4])
    return answer.received === 1 ? answer : undefined
  })
  await sites.up()
  const took = (performance.now() - began) / 1000
  // What came up has crossed; a busy machine shows it later.
  await until('IKE_AUTH is seen', 30_000, () => seen.some(message => message.exchange === 'IKE_AUTH'))
  watch.stop()

  chapter('The tunnel is up')
  promises.check(
    pinged.received === 1,
    `first packet from host to host ${took.toFixed(1)} s after the peers were made`,
  )
  await associations(sites)
  if (options.pq) await hybrid(sites, seen, promises)

  if (options.relay) await neighbours(sites, promises)
  else await traffic(sites, options, promises)
  if (options.certificates) await strangerRefused(sites, folder, promises)
  await capture.stop()
  await proof(capture, promises)
  if (options.mobike) await moves(sites, options.ipv6 ? 6 : 4, promises)
  return promises.broken
}

async function traffic(sites: Sites, options: DemoOptions, promises: Promises): Promise<void> {
  const { at, folder } = sites.topology
  chapter('Ping from host A to host B')
  for (const family of [4, 6] as const) {
    const { received, sent, times } = await ping(at.hostA, ADDRESSES.host.B[family], {
      count: 10,
      interval: 0.05,
    })
    const median = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
    promises.check(
      received === sent,
      `IPv${family}: ${received} of ${sent} answered, median ${median.toFixed(2)} ms`,
    )
  }

  chapter(`TCP by iperf3, ${options.seconds} s each way`)
  const server = await IperfServer.start(at.hostB, join(folder, 'iperf.log'))
  for (const reverse of [false, true]) {
    const got = await iperf(at.hostA, ADDRESSES.host.B[4], { seconds: options.seconds, reverse })
    promises.check(
      got.bytes > 1e6,
      `${reverse ? 'B → A' : 'A → B'}  ${bold(gigabits(got.bitsPerSecond))}  (${got.retransmits} retransmitted)`,
    )
  }
  await server.stop()
  await arithmetic(sites, promises)
}

function picture(options: DemoOptions): void {
  const family: Family = options.ipv6 ? 6 : 4
  const esp = `${options.suite ?? 'default suite'}, ${options.transport ? 'transport' : 'tunnel'} mode, ${options.raw ? 'plain protocol 50' : 'in UDP 4500'}`
  print(bold('\nBrunel lab: two sites, one encrypted routed link'))
  print(`
   host A             router A               underlay              router B             host B
   ${ADDRESSES.host.A[4]} ────── ${ADDRESSES.lan.A[4]}   bruneld ${options.nat ? '── NAT ──' : '─────────'} 1500 bytes ───────── bruneld   ${ADDRESSES.lan.B[4]} ────── ${ADDRESSES.host.B[4]}
                         │  ${ADDRESSES.wan.A[family].padEnd(16)}            ${ADDRESSES.wan.B[family].padStart(16)}  │
                         └────────── gre1: IP in GRE in ESP ─────────┘
                          ${ADDRESSES.tunnel.A[4]}                    ${ADDRESSES.tunnel.B[4]}
   ESP: ${esp}`)
}

function wishes(options: DemoOptions): Wishes {
  return {
    family: options.ipv6 ? 6 : 4,
    mode: options.transport ? 'transport' : 'tunnel',
    encapsulation: options.raw ? 'none' : 'udp',
    ...(options.suite === undefined ? {} : { esp: [options.suite] }),
    ...(options.ike === undefined ? {} : { ike: [options.ike] }),
  }
}

function ladder({ from, to, port, exchange, response, messageId, octets, fragment }: SeenIke): string {
  const what = `${exchange} ${response ? 'response' : 'request'} ${messageId}${fragment ? ' (fragment)' : ''}`
  return `${from.padStart(15)} ──▶ ${to.padEnd(15)} ${what.padEnd(30)} ${dim(`${octets} octets, UDP ${port}`)}`
}

async function associations(sites: Sites): Promise<void> {
  for (const side of ['A', 'B'] as const) {
    const report = await sites.routers[side].api.tunnel(tunnelName(side))
    print(`   router ${side}: ${report.state}: ${report.detail}`)
    for (const ike of report.ike) {
      print(`      IKE  ${ike.suite}  ${ike.role}, ${ike.local} ↔ ${ike.remote}`)
      for (const child of ike.children)
        print(
          `      ESP  ${child.suite}  ${child.mode} mode, ${child.encapsulation === 'udp' ? 'in UDP' : 'protocol 50'}, SPI ${child.spiIn} in, ${child.spiOut} out${child.esn ? ', ESN' : ''}`,
        )
    }
  }
}

/** Two key exchanges made the keys: who wants to read this later must break both. */
async function hybrid(sites: Sites, seen: readonly SeenIke[], promises: Promises): Promise<void> {
  chapter('Against a quantum computer')
  const { ike } = await sites.routers.A.api.tunnel(tunnelName('A'))
  print('   IKE_SA_INIT        X25519       32 octets each way: who breaks it reads only what follows here')
  print(
    '   IKE_INTERMEDIATE   ML-KEM-768   1184 octets there, 1088 back, encrypted and in fragments (RFC 9242)',
  )
  print(
    '   The keys of IKE and of ESP come from both secrets (RFC 9370 §2.2.2); AUTH covers every message of both.',
  )
  promises.check(
    ike.every(sa => sa.suite.endsWith('x25519-ke1_mlkem768')),
    `the IKE SA was made with ${ike.map(sa => sa.suite).join(', ')}`,
  )
  const steps = seen.filter(message => message.exchange === 'IKE_INTERMEDIATE')
  promises.check(
    steps.some(step => !step.response) && steps.some(step => step.response),
    `IKE_INTERMEDIATE crossed the underlay in ${steps.length} datagrams, the largest of ${Math.max(0, ...steps.map(step => step.octets))} octets`,
  )
}

/** The largest packet passes whole, one octet more does not: on the wire, not only on paper. */
async function arithmetic(sites: Sites, promises: Promises): Promise<void> {
  const { mtu } = await sites.routers.A.api.tunnel(tunnelName('A'))
  chapter('MTU arithmetic')
  for (const line of mtu.lines) print(`   ${line}`)
  print(`   MSS ${mtu.mss.ipv4} (IPv4), ${mtu.mss.ipv6} (IPv6)`)
  const { hostA } = sites.topology.at
  const fits = await ping(hostA, ADDRESSES.host.B[4], { size: mtu.tunnel - 28, whole: true, count: 2 })
  promises.check(fits.received === 2, `a packet of ${mtu.tunnel} octets crosses whole`)
  const over = await ping(hostA, ADDRESSES.host.B[4], { size: mtu.tunnel - 27, whole: true, count: 2 })
  promises.check(
    over.received === 0 && /mtu ?[=:]? ?\d+|too long/i.test(over.text),
    `one octet more is refused with ICMP "too big"`,
  )
}

async function proof(capture: Capture, promises: Promises): Promise<void> {
  chapter('What crossed the underlay')
  for (const [what, filter] of [
    ['IKE', 'udp port 500 or (udp port 4500 and udp[8:4] = 0)'],
    ['ESP in UDP', 'udp port 4500 and udp[8:4] != 0'],
    ['ESP, protocol 50', 'ip proto 50 or ip6 proto 50'],
    ['ARP and neighbour discovery', 'arp or (icmp6 and ip6[40] >= 133 and ip6[40] <= 143)'],
  ] as const)
    print(`   ${String(await capture.count(filter)).padStart(8)}  ${what}`)
  const foreign = await capture.lines(FOREIGN)
  promises.check(foreign.length === 0, 'nothing else: no GRE, no inner packet in the clear')
  for (const line of foreign) print(`        ${line}`)
}

/** What a user can look at while it stays up. */
export async function addresses(sites: Sites, options: DemoOptions): Promise<void> {
  chapter('Look around')
  for (const side of ['A', 'B'] as Side[]) {
    const { socket, tokenFile, dataDir } = sites.routers[side]
    const { port, close } = await relay(socket)
    sites.topology.cleanup.add(`relay ${side}`, close)
    print(`   router ${side}   API documentation   http://127.0.0.1:${port}/docs`)
    print(
      `              metrics             curl -H "Authorization: Bearer $(cat ${tokenFile})" http://127.0.0.1:${port}/metrics`,
    )
    print(
      `              command line        node apps/cli/bin/brunel.mjs --data-dir ${dataDir} ${options.relay ? 'relay' : 'status'}`,
    )
    print(`              shell               ip netns exec ${sites.topology.router(side).name} bash`)
  }
  for (const side of ['A', 'B'] as Side[]) {
    print(`   host ${side}     shell               ip netns exec ${sites.topology.host(side).name} bash`)
    const folder = vtyFolder(sites, side)
    if (options.relay)
      print(`              FRR                 vtysh --vty_socket ${folder} --config_dir ${folder}`)
  }
}
