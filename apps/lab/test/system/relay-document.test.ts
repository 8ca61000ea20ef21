/** docs/ospf-relay.md: what it tells to type in is fed to FRR and BIRD as it stands there. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../../src/docs/sources.js'
import type { Namespace } from '../../src/net/namespace.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Bird, withoutBird } from '../../src/peers/bird.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import type { HostAddresses, RelayEnd, RelayLink } from '../../src/relay-lab.js'
import { noLab, relayLab } from './gear.js'

const DOCUMENT = readFileSync(join(ROOT, 'docs/ospf-relay.md'), 'utf8')

/** The block of the document behind ```NAME. */
function snippet(name: string): string {
  const [, text] = new RegExp(`^\`\`\`${name}\\n([^\`]+)\`\`\`$`, 'm').exec(DOCUMENT) ?? []
  if (text === undefined) throw new Error(`the document shows nothing of ${name}`)
  return text
}

/** The document's router ids are those of one segment. */
const frrConf = (routerId: string) => ({
  ospfd: snippet('frr ospfd').replaceAll('10.9.0.1', routerId),
  ospf6d: snippet('frr ospf6d').replaceAll('10.9.0.1', routerId),
})

interface Half extends HostAddresses {
  readonly routerId: string
  readonly bird?: true
}

/** The IPv4 address is that by which the neighbour is reached; stub networks are of /24 and /64. */
const SEGMENTS: readonly { readonly title: string; readonly halves: readonly [Half, Half] }[] = [
  {
    title: 'one common subnet, FRR and BIRD',
    halves: [
      {
        routerId: '10.9.0.1',
        lan: ['10.9.0.1/24', 'fe80::1:1/64'],
        stub: ['10.101.1.1/24', 'fd00:101:1::1/64'],
      },
      {
        routerId: '10.9.0.2',
        bird: true,
        lan: ['10.9.0.2/24', 'fe80::1:2/64'],
        stub: ['10.102.1.1/24', 'fd00:102:1::1/64'],
      },
    ],
  },
  {
    title: 'unnumbered, FRR and FRR',
    halves: [
      {
        routerId: '10.101.2.1',
        lan: ['10.101.2.1/32', 'fe80::2:1/64'],
        stub: ['10.101.2.1/24', 'fd00:101:2::1/64'],
      },
      {
        routerId: '10.102.2.1',
        lan: ['10.102.2.1/32', 'fe80::2:2/64'],
        stub: ['10.102.2.1/24', 'fd00:102:2::1/64'],
      },
    ],
  },
]

const bare = (address = ''): string => address.split('/')[0] as string
const END = ['a', 'b'] as const

t.test(
  'docs/ospf-relay.md',
  { skip: noLab() || withoutFrr() || withoutBird(), timeout: 300_000 },
  async t => {
    const lab = await relayLab(t, END)
    const places = new Map<Half, Namespace>()
    const links: RelayLink[] = []
    for (const [i, { halves }] of SEGMENTS.entries()) {
      const ends: RelayEnd[] = []
      for (const [end, at] of END.entries()) {
        const half = halves[end] as Half
        const lan = `lan${i + 1}${at}`
        await lab.plug(at, lan, lan, [`10.20.${i + 1}.${251 + end}/24`])
        places.set(half, await lab.host(`router${i + 1}${at}`, lan, half))
        ends.push({ at, lan })
      }
      links.push({ number: i + 1, parallel: true, ends: ends as [RelayEnd, RelayEnd] })
    }
    await lab.start()
    for (const link of links) await lab.link(link)
    await lab.forwarding(links)

    for (const [half, place] of places) {
      const folder = join(lab.folder, `ospf-${half.routerId}`)
      const router = half.bird ? new Bird(place, folder) : new Frr(place, folder)
      t.teardown(() => router.stop())
      if (router instanceof Bird) await router.start(snippet('bird'))
      else await router.run(frrConf(half.routerId))
    }
    for (const { title, halves } of SEGMENTS)
      await t.test(`${title}: what the document shows becomes Full, and its routes carry`, async () => {
        const [near, far] = halves
        for (const [n, stub] of far.stub.entries())
          await until(`a ping to ${stub}`, 90_000, async () => {
            const from = bare(near.stub[n])
            return (await ping(places.get(near) as Namespace, bare(stub), { from })).received === 1
          })
      })
    for (const at of END) t.same(await lab.findings(at), [], 'the doctor finds no fault')
  },
)
