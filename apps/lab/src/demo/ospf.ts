import { join } from 'node:path'
import { run } from '../net/command.js'
import { PLAIN_NODE } from '../net/environment.js'
import type { Side } from '../net/topology.js'
import { ping } from '../net/traffic.js'
import { until } from '../net/until.js'
import { BRUNEL } from '../peers/bruneld.js'
import { Frr } from '../peers/frr.js'
import { type Sites, tunnelName } from '../sites.js'
import { chapter, dim, type Promises, print } from './paper.js'

/** One subnet for the neighbours of both sites, and a network behind each that only OSPF tells the other of. */
const LAN = {
  A: { host: '10.9.0.1', router: '10.9.0.253', stub: '10.91.0' },
  B: { host: '10.9.0.2', router: '10.9.0.254', stub: '10.92.0' },
} as const
const SIDES = ['A', 'B'] as const

const INTERVAL = 1
const WRONG_INTERVAL = 2

type Both<T> = Readonly<Record<Side, T>>

/** Two OSPF routers that stand behind ours meet as if one cable joined them, and a doctor watches. */
export async function neighbours(sites: Sites, promises: Promises): Promise<void> {
  chapter('An OSPF router on the LAN behind each router')
  print(`
   FRR ${LAN.A.host}         router A                         router B         FRR ${LAN.B.host}
   ${LAN.A.stub}.0/24 ──── lan0 relay ═══ gre1, encrypted ═══ relay lan0 ──── ${LAN.B.stub}.0/24
`)
  const frr = await begin(sites)
  chapter('The neighbour tables of both, until Full')
  await untilFull(frr, promises)
  chapter('Ping by the routes that OSPF brought')
  await pingStubs(sites, promises)
  chapter('What the relay of router A read on the way: brunel relay')
  const { code, out } = await brunel(sites, 'relay')
  for (const line of out.trimEnd().split('\n')) print(`   ${line}`)
  promises.check(code === 0 && /The routers agree/.test(out), 'the doctor has nothing to say')
  chapter(`A mistake on purpose: FRR A says hello every ${WRONG_INTERVAL} s, FRR B every ${INTERVAL} s`)
  await mistake(sites, frr, promises)
}

/** Where the FRR of a host is asked, and keeps its files. */
export const vtyFolder = ({ topology }: Pick<Sites, 'topology'>, side: Side): string =>
  join(topology.folder, `frr-${side}`)

async function begin({ topology, routers }: Sites): Promise<Both<Frr>> {
  const frr = {} as Record<Side, Frr>
  for (const side of SIDES) {
    const { host, router, stub } = LAN[side]
    await topology.host(side).ip([`addr add ${host}/24 dev lan0`, `addr add ${stub}.1/24 dev lo`])
    await topology.router(side).ip([`addr add ${router}/24 dev lan0`])
    const document = { ospfRelay: { interface: 'lan0' } }
    await routers[side].api.ask('PATCH', `/v1/peers/${tunnelName(side)}`, document)
    const said = dim(JSON.stringify(document))
    print(`   router ${side}: PATCH /v1/peers/${tunnelName(side)} ${said} → 200`)
    frr[side] = new Frr(topology.host(side), vtyFolder({ topology }, side))
    topology.cleanup.add(`FRR ${side}`, () => frr[side].stop())
  }
  for (const side of SIDES) {
    const { host, stub } = LAN[side]
    const networks = ['10.9.0.0/24', `${stub}.0/24`]
    await frr[side].start({ routerId: host, interface: 'lan0', networks, passive: 'lo' })
    print(`   host ${side}:   zebra and ospfd, router id ${host}, point-to-point on lan0`)
  }
  return frr
}

/** The neighbours of one router as FRR names them: `10.9.0.2 Full`. */
const table = async (frr: Frr): Promise<readonly string[]> =>
  [...(await frr.vtysh('show ip ospf neighbor')).matchAll(/^(\d\S+) +\d+ +(\S+?)\/\S* /gm)].map(
    ([, id, state]) => `${id} ${state}`,
  )

async function untilFull(frr: Both<Frr>, promises: Promises): Promise<void> {
  const began = performance.now()
  const shown: Record<Side, string> = { A: '', B: '' }
  const isFull = async (side: Side): Promise<boolean> => {
    const now = (await table(frr[side])).join(', ')
    if (now !== shown[side] && now !== '') {
      const seconds = ((performance.now() - began) / 1000).toFixed(1)
      print(`   ${seconds.padStart(5)} s   FRR ${side}: ${now}`)
    }
    shown[side] = now
    return / Full$/.test(now)
  }
  await until('both are Full', 30_000, async () => {
    const [a, b] = [await isFull('A'), await isFull('B')]
    return a && b
  })
  promises.check(true, 'Full on both sides: Database Description, requests and updates crossed by unicast')
}

async function pingStubs({ topology }: Sites, promises: Promises): Promise<void> {
  const { hostA } = topology.at
  const learned = await until('the route', 20_000, async () => {
    const routes = await hostA.must(['ip', 'route', 'show', 'proto', 'ospf'])
    return routes.split('\n').find(route => route.startsWith(LAN.B.stub))
  })
  print(`   host A: ${learned}`)
  const answer = await until('a ping', 20_000, async () => {
    const pinged = await ping(hostA, `${LAN.B.stub}.1`, { from: `${LAN.A.stub}.1`, count: 5 })
    return pinged.received === 5 ? pinged : undefined
  })
  promises.check(true, `${answer.received} of ${answer.sent} answered, ${LAN.A.stub}.1 to ${LAN.B.stub}.1`)
}

const brunel = ({ routers }: Sites, ...args: readonly string[]): ReturnType<typeof run> =>
  run([...PLAIN_NODE, BRUNEL, '--data-dir', routers.A.dataDir, ...args], { limit: 30_000 })

interface Findings {
  readonly findings: readonly {
    readonly sentence: string
    readonly code: string
    readonly remedy: string
    readonly sides: readonly { readonly value: string }[]
  }[]
}

async function mistake(sites: Sites, frr: Both<Frr>, promises: Promises): Promise<void> {
  const findings = async (): Promise<Findings['findings']> =>
    ((await sites.routers.A.api.ask('GET', '/v1/relay')) as readonly Findings[]).flatMap(one => one.findings)
  const say = (seconds: number): Promise<string> =>
    frr.A.vtysh(`configure terminal\ninterface lan0\nip ospf hello-interval ${seconds}`)
  const began = performance.now()
  await say(WRONG_INTERVAL)
  const [found] = await until('the doctor says it', 20_000, async () => {
    const all = await findings()
    return all.length > 0 && all
  })
  const took = ((performance.now() - began) / 1000).toFixed(1)
  print(`   ${took.padStart(5)} s   ${found?.sentence}\n             ${found?.remedy}`)
  const values = found?.sides.map(({ value }) => value).join(' and ')
  promises.check(
    values === `${WRONG_INTERVAL} s and ${INTERVAL} s`,
    `the doctor names both: ${values} (${found?.code})`,
  )
  await say(INTERVAL)
  await until('the doctor has nothing to say', 30_000, async () => (await findings()).length === 0)
  await until('Full again', 30_000, async () => (await frr.A.full()) && (await frr.B.full()))
  promises.check(true, 'mended: the doctor is content, both are Full')
}
