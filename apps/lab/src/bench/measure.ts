import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Daemon } from '../net/daemon.js'
import { flood } from '../net/flood.js'
import { ADDRESSES, type Topology } from '../net/topology.js'
import { IperfServer, iperf, ping } from '../net/traffic.js'
import { pause } from '../net/until.js'

const TARGET = ADDRESSES.host.B[4]

export interface TcpResult {
  readonly bitsPerSecond: number
  readonly cpuSecondsPerGigabyte: number
}

/** One TCP stream from host A to host B; CPU is that of the whole machine, both ends of iperf3 included. */
export async function tcp(topology: Topology, seconds: number): Promise<TcpResult> {
  const server = await IperfServer.start(topology.at.hostB, join(topology.folder, 'iperf.log'))
  const before = busySeconds()
  const { bitsPerSecond, bytes } = await iperf(topology.at.hostA, TARGET, { seconds })
  const busy = busySeconds() - before
  await server.stop()
  return { bitsPerSecond, cpuSecondsPerGigabyte: busy / (bytes / 1e9) }
}

/** Busy CPU time of all cores since boot, in seconds. */
function busySeconds(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0] = (
    readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? ''
  )
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + soft) / 100
}

const PORT = 9999
const PAYLOAD = 64 - 28
const RATES = [25, 50, 75, 100, 150, 200, 250, 300, 400, 500, 650, 800].map(thousands => thousands * 1000)

/** The most packets of 64 octets (IP header included) that arrive in a second, over a ladder of offered rates. */
export async function smallPackets(topology: Topology, seconds: number): Promise<number> {
  const { hostA, hostB } = topology.at
  // Whole bursts would cross the routers as one super-packet; a limit of 1 makes the sender's kernel cut them first.
  await hostA.ip(['link set dev lan0 gso_max_segs 1'])
  const script = `socket(S,2,2,0);bind(S,pack("Sna4x8",2,${PORT},"\\0"x4)) or die $!;$|=1;print "bound\\n";sleep`
  const sink = new Daemon('sink', hostB.command('perl', '-e', script), join(topology.folder, 'sink.log'))
  await sink.ready('bound', 5000, () => sink.output().includes('bound'))
  let best = 0
  let behind = 0
  const pool = Array.from({ length: 80 }, () => `udp${PORT} ${'00'.repeat(PAYLOAD)}`).join('\n')
  for (const perSecond of RATES) {
    const before = await arrived(topology)
    await flood(hostA, TARGET, { perSecond, seconds, pool })
    await pause(200) // what is still under way
    const rate = ((await arrived(topology)) - before) / seconds
    best = Math.max(best, rate)
    behind = rate < 0.7 * perSecond ? behind + 1 : 0
    if (behind === 2) break // once may be a hiccup of the machine
  }
  await sink.stop('SIGKILL')
  await hostA.ip(['link set dev lan0 gso_max_segs 65535'])
  return best
}

/** Datagrams that reached a socket of host B, read or not. */
async function arrived(topology: Topology): Promise<number> {
  const text = await topology.at.hostB.must(['cat', '/proc/net/snmp'])
  const [names = '', values = ''] = text.split('\n').filter(line => line.startsWith('Udp:'))
  const field = (name: string): number => Number(values.split(' ')[names.split(' ').indexOf(name)] ?? 0)
  return field('InDatagrams') + field('RcvbufErrors')
}

export interface PingResult {
  readonly medianMs: number
  readonly p99Ms: number
}

export async function roundTrips(topology: Topology, count: number): Promise<PingResult> {
  const { times } = await ping(topology.at.hostA, TARGET, { count, interval: 0.005 })
  return { medianMs: quantile(times, 0.5), p99Ms: quantile(times, 0.99) }
}

/** Pure. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN
}
