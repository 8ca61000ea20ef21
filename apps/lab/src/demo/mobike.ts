import { join } from 'node:path'
import { ADDRESSES, type Family } from '../net/topology.js'
import { IperfServer, iperf, LongPing } from '../net/traffic.js'
import { until } from '../net/until.js'
import { MOVED, renumber, SECOND, secondUplink, switchUplink } from '../net/uplink.js'
import { type Sites, tunnelName } from '../sites.js'
import { chapter, gigabits, type Promises, print } from './paper.js'

/** Seconds between two pings: a lost one stands for so much. */
const BEAT = 0.02

/** The longest that a move may keep packets away. Our watch of routes gathers for 150 ms. */
const MOST_SECONDS = 3

/** Router A moves while packets flow: its SAs go on (RFC 4555). */
export async function moves(sites: Sites, family: Family, promises: Promises): Promise<void> {
  const { topology } = sites
  await sites.settled()
  await move(sites, promises, {
    title: `Router A gets another address: ${MOVED.A[family]}`,
    to: MOVED.A[family],
    change: () => renumber(topology, 'A', family, MOVED.A[family]),
  })
  await secondUplink(topology)
  await move(sites, promises, {
    title: `The line of router A goes down; its second uplink is ${SECOND[family]}`,
    to: SECOND[family],
    change: () => switchUplink(topology, family),
  })
}

interface Move {
  readonly title: string
  readonly to: string
  readonly change: () => Promise<unknown>
}

async function move(sites: Sites, promises: Promises, { title, to, change }: Move): Promise<void> {
  chapter(title)
  const { at, folder } = sites.topology
  const before = await spis(sites)
  print(`   before   ${before}`)
  const server = await IperfServer.start(at.hostB, join(folder, `iperf-${to}.log`))
  const steady = new LongPing(at.hostA, ADDRESSES.host.B[4], join(folder, `ping-${to}.log`), BEAT)
  const transfer = iperf(at.hostA, ADDRESSES.host.B[4], { seconds: 5 })
  await until('ping and TCP run', 30_000, async () => /icmp_seq=25 /.test(steady.text()))
  await change()
  await until('router B speaks to the new address', 30_000, async () => {
    const [sa] = (await sites.routers.B.api.tunnel(tunnelName('B'))).ike
    return sa?.remote.includes(to)
  })
  const got = await transfer
  const { sent, gaps } = await steady.stop()
  await server.stop()
  const after = await spis(sites)
  print(`   after    ${after}`)
  const gone = gaps.length * BEAT
  promises.check(after === before, 'the same IKE SA and the same ESP SAs as before')
  promises.check(
    gone < MOST_SECONDS,
    `${gaps.length} of ${sent} pings lost, one every ${BEAT * 1000} ms: ${gone.toFixed(2)} s without data`,
  )
  promises.check(got.bytes > 1e6, `TCP went on over the move: ${gigabits(got.bitsPerSecond)}`)
}

/** Of router A: both SPIs of IKE, then those of ESP. */
export async function spis(sites: Sites): Promise<string> {
  const { ike } = await sites.routers.A.api.tunnel(tunnelName('A'))
  return ike
    .map(sa => {
      const esp = sa.children.map(child => `${child.spiIn}/${child.spiOut}`).join(' ')
      return `IKE ${sa.spiInitiator} ${sa.spiResponder}, ESP ${esp}`
    })
    .join('; ')
}
