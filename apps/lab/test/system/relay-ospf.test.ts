/** OSPF of programs that we did not write, through the relay, with the timers that they have when nobody sets them. */
import { join } from 'node:path'
import t from 'tap'
import type { Namespace } from '../../src/net/namespace.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { withoutBird } from '../../src/peers/bird.js'
import { withoutFrr } from '../../src/peers/frr.js'
import {
  type OspfProgram,
  type OspfRouter,
  type OspfSpeech,
  type OspfVersion,
  ospfRouter,
} from '../../src/peers/ospf-router.js'
import type { RelayEnd, RelayLab, RelayLink } from '../../src/relay-lab.js'
import { noLab, relayLab } from './gear.js'

interface Segment {
  readonly title: string
  readonly programs: readonly [OspfProgram, OspfProgram]
  readonly speaks: Readonly<Record<OspfVersion, OspfSpeech>>
}

const md5 = { algorithm: 'md5', key: 'sword-and-shield' } as const
const hmac = { algorithm: 'hmac-sha-256', key: 'shield-and-sword' } as const
const broadcast = { network: 'broadcast' } as const
const pointToPoint = { network: 'point-to-point' } as const

/** Each has a tunnel and two LANs of its own between the same two appliances, so that all wait at the same time. */
const SEGMENTS: readonly Segment[] = [
  {
    title: 'RFC 2328 §10.6, RFC 5340 §4.2.1.1: FRR and FRR, broadcast',
    programs: ['frr', 'frr'],
    speaks: { 2: broadcast, 3: broadcast },
  },
  {
    title: 'RFC 2328 §D.3, RFC 7166 §4.1: FRR and FRR, point-to-point, MD5 and HMAC-SHA-256',
    programs: ['frr', 'frr'],
    speaks: { 2: { ...pointToPoint, auth: md5 }, 3: { ...pointToPoint, auth: hmac } },
  },
  {
    // Version 3 without: FRR 8.4 and BIRD 2.0 refuse one another's RFC 7166 on a cable, too.
    title: 'RFC 2328 §D.3, RFC 5340 §4.2.1.1: FRR and BIRD, broadcast, MD5',
    programs: ['frr', 'bird'],
    speaks: { 2: { ...broadcast, auth: md5 }, 3: broadcast },
  },
  {
    title: 'RFC 2328 §8.1, RFC 5340 §4.2.1: BIRD and FRR, point-to-point',
    programs: ['bird', 'frr'],
    speaks: { 2: pointToPoint, 3: pointToPoint },
  },
  {
    title: 'RFC 5709 §3.3, RFC 7474 §5: BIRD and BIRD, broadcast, HMAC-SHA-256',
    programs: ['bird', 'bird'],
    speaks: { 2: { ...broadcast, auth: hmac }, 3: broadcast },
  },
  {
    title: 'RFC 5709 §3.3, RFC 7166 §4.1: BIRD and BIRD, point-to-point, HMAC-SHA-256',
    programs: ['bird', 'bird'],
    speaks: { 2: { ...pointToPoint, auth: hmac }, 3: { ...pointToPoint, auth: hmac } },
  },
]

const ENDS = [0, 1] as const
type End = (typeof ENDS)[number]
const APPLIANCES = ['a', 'b'] as const
const routerId = (n: number, end: End): string => `10.20.${n}.${end + 1}`
const linkLocal = (n: number, end: End): string => `fe80::${n}:${end + 1}`
const stub4 = (n: number, end: End): string => `10.${101 + end}.${n}`
const stub6 = (n: number, end: End): string => `fd00:${101 + end}:${n}:`

interface Half {
  readonly place: Namespace
  readonly router: OspfRouter
  readonly link: RelayEnd
}

/** A router of segment `n` behind an appliance, on a LAN that nobody else is on. */
async function half(lab: RelayLab, n: number, end: End, program: OspfProgram): Promise<Half> {
  const at = APPLIANCES[end]
  const lan = `lan${n}${at}`
  await lab.plug(at, lan, lan, [`10.20.${n}.${251 + end}/24`])
  const place = await lab.host(`router${n}${at}`, lan, {
    lan: [`${routerId(n, end)}/24`, `${linkLocal(n, end)}/64`],
    stub: [`${stub4(n, end)}.1/24`, `${stub6(n, end)}:1/64`],
  })
  const router = ospfRouter(program, place, join(lab.folder, `ospf${n}${at}`))
  return { place, router, link: { at, lan } }
}

const isFull = async (router: OspfRouter, version: OspfVersion): Promise<boolean> => {
  const seen = await router.neighbours(version)
  return seen.length === 1 && seen[0]?.state === 'Full'
}

t.test(
  'OSPF of others with default timers',
  { skip: noLab() || withoutFrr() || withoutBird(), timeout: 300_000 },
  async t => {
    const lab = await relayLab(t, APPLIANCES)
    const segments: (Segment & { readonly n: number; readonly halves: readonly [Half, Half] })[] = []
    for (const [i, segment] of SEGMENTS.entries()) {
      const n = i + 1
      const [left, right] = segment.programs
      segments.push({ ...segment, n, halves: [await half(lab, n, 0, left), await half(lab, n, 1, right)] })
    }
    await lab.start()
    const links = segments.map(({ n, halves: [left, right] }): RelayLink => {
      return { number: n, parallel: true, ends: [left.link, right.link] }
    })
    for (const link of links) await lab.link(link)
    await lab.forwarding(links)

    const routers = segments.flatMap(({ halves }) => halves.map(({ router }) => router))
    t.teardown(async () => {
      for (const router of routers) await router.stop()
    })
    await Promise.all(
      segments.flatMap(({ n, halves, speaks }) =>
        ENDS.map(end =>
          halves[end].router.start({ routerId: routerId(n, end), device: 'lan0', stubs: ['stub0'], speaks }),
        ),
      ),
    )
    const begun = performance.now()
    const full = async (halves: readonly [Half, Half], version: OspfVersion): Promise<string> => {
      for (const { router } of halves)
        await until(`OSPFv${version} is Full`, 60_000, () => isFull(router, version), 1000)
      return `OSPFv${version} is Full after ${((performance.now() - begun) / 1000).toFixed(0)} s`
    }
    const waits = segments.map(({ halves }) => Promise.allSettled([full(halves, 2), full(halves, 3)]))

    for (const [i, { title, n, halves }] of segments.entries())
      await t.test(`${title}: Full within 60 s, and the routes carry`, async t => {
        for (const wait of (await waits[i]) ?? []) {
          if (wait.status === 'rejected') throw wait.reason
          t.comment(wait.value)
        }
        const [left] = halves
        for (const [from, to] of [
          [`${stub4(n, 0)}.1`, `${stub4(n, 1)}.1`],
          [`${stub6(n, 0)}:1`, `${stub6(n, 1)}:1`],
        ] as const)
          await until(`a ping to ${to}`, 20_000, async () => {
            return (await ping(left.place, to, { from })).received === 1
          })
      })
    for (const appliance of APPLIANCES) t.same(await lab.findings(appliance), [], 'the doctor finds no fault')
  },
)
