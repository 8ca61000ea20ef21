import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Arrival } from './hellos.js'
import {
  iperfServer,
  Namespaces,
  PLAIN_LINK,
  run,
  type StaticRouter,
  staticLink,
  whyNot,
} from './static-lab.js'

const reason = whyNot()
t.setTimeout(120_000)

const HELLOS = 200
const EVERY = 5

/** What arrives of 200 packets of a relay, in order of their numbers. */
async function hellos([from, to]: readonly [StaticRouter, StaticRouter]): Promise<readonly Arrival[]> {
  const before = to.lines.length
  from.tell(`hellos ${HELLOS} ${EVERY}`)
  const arrived = (): Arrival[] => to.lines.slice(before).flatMap(({ hello }) => hello ?? [])
  for (let i = 0; i < 400 && !arrived().some(({ number }) => number === HELLOS - 1); i++) await sleep(20)
  return arrived()
}

const waits = (arrivals: readonly Arrival[]): { median: number; most: number } => {
  const sorted = arrivals.map(({ waited }) => waited).sort((a, b) => a - b)
  return { median: sorted[sorted.length >> 1] ?? Number.NaN, most: sorted.at(-1) ?? Number.NaN }
}

/** Lasts longer than the packets are on their way; the load of the tunnel from the first host to the second. */
type Load = (hosts: readonly [string, string]) => Promise<{ end(): Promise<string> }>

const nothing: Load = async () => ({ end: async () => 'nothing else' })

const iperf: Load = async hosts => {
  const server = await iperfServer(hosts[1])
  // Hosts share their CPUs with the routers here and nowhere else: the sender gets what the routers leave.
  const argv = 'nice -n 19 iperf3 -c 10.2.0.2 -t 4 -f m'.split(' ')
  const client = spawn('ip', ['netns', 'exec', hosts[0], ...argv], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  client.stdout.on('data', chunk => {
    said += String(chunk)
  })
  const exited = once(client, 'exit')
  await sleep(1000)
  return {
    async end() {
      await exited
      await server.ended(client.exitCode === 0)
      if (client.exitCode !== 0) throw new Error(said)
      return /[\d.]+ Mbits\/sec.*receiver/.exec(said)?.[0] ?? said
    },
  }
}

for (const [title, load, missing] of [
  ['an idle tunnel', nothing, false],
  ['a tunnel that TCP saturates', iperf, spawnSync('iperf3', ['-v']).status !== 0],
] as const) {
  const skip = reason ?? (missing ? 'needs iperf3' : false)
  t.test(`none of ${HELLOS} packets of a relay is lost or waits in ${title}`, { skip }, async t => {
    const nets = new Namespaces()
    t.teardown(() => nets.remove())
    const { hosts, routers } = await staticLink(nets, { ...PLAIN_LINK, relay: true })
    run(hosts[0], 'ping', '-c', '1', '-w', '20', '10.2.0.2') // until the SAs have reached the pumps
    const loaded = await load(hosts)
    const arrivals = await hellos(routers)
    t.same(
      arrivals.map(({ number }) => number),
      Array.from({ length: HELLOS }, (_, number) => number),
    )
    const { median, most } = waits(arrivals)
    t.ok(median < 10, `${median} ms`)
    t.comment(`median ${median.toFixed(2)} ms, most ${most.toFixed(1)} ms beside ${await loaded.end()}`)
    for (const router of routers) t.notOk((await router.stop()).drops?.['relay-queue-full'])
  })
}
