import { spawn } from 'node:child_process'
import type { Namespace } from '../../net/namespace.js'
import { ADDRESSES } from '../../net/topology.js'
import { pause } from '../../net/until.js'
import { peerDocument } from '../../peers/peer-document.js'
import { Sites, tunnelName } from '../../sites.js'
import { quantile } from '../measure.js'

/** Who begins, and how long after the first end the second is configured. */
export interface FlowCase {
  readonly name: string
  readonly secondInitiates: boolean
  /** ms, at most; each round waits another part of it. */
  readonly gap: number
}

export const FLOW_CASES: readonly FlowCase[] = [
  { name: 'both begin, at once', secondInitiates: true, gap: 0 },
  { name: 'both begin, seconds apart', secondInitiates: true, gap: 3000 },
  { name: 'the second only answers', secondInitiates: false, gap: 0 },
  { name: 'only answers, seconds apart', secondInitiates: false, gap: 3000 },
]

export interface FlowFigures {
  readonly name: string
  readonly rounds: number
  /** From the answer to the second POST until the first ping is answered. */
  readonly medianMs: number
  readonly p99Ms: number
  /** How long the second POST took. */
  readonly postMs: number
}

/** "Peer added" to "traffic flows", as a user with curl and ping would measure it, on two bruneld in namespaces. */
export async function flow(rounds: number, cases: readonly FlowCase[] = FLOW_CASES): Promise<FlowFigures[]> {
  const sites = await Sites.build()
  try {
    await sites.start()
    const figures: FlowFigures[] = []
    for (const one of cases) {
      const took: number[] = []
      const posts: number[] = []
      for (let i = 0; i < rounds; i++) {
        const { post, flows } = await round(sites, one, (one.gap * i) / rounds)
        posts.push(post)
        took.push(flows)
      }
      figures.push({
        name: one.name,
        rounds,
        medianMs: quantile(took, 0.5),
        p99Ms: quantile(took, 0.99),
        postMs: quantile(posts, 0.5),
      })
    }
    return figures
  } finally {
    await sites.destroy()
  }
}

async function round(
  sites: Sites,
  { secondInitiates }: FlowCase,
  gap: number,
): Promise<{ readonly post: number; readonly flows: number }> {
  const [a, b] = [sites.routers.A.api, sites.routers.B.api]
  const ping = readyPing(sites.topology.at.hostA)
  await a.ask('POST', '/v1/peers', peerDocument({ side: 'A' }))
  await pause(gap)
  const asked = performance.now()
  await b.ask('POST', '/v1/peers', peerDocument({ side: 'B', initiate: secondInitiates }))
  const answered = performance.now()
  await ping.go()
  const flows = performance.now() - answered
  await a.ask('DELETE', `/v1/peers/${tunnelName('A')}`)
  await b.ask('DELETE', `/v1/peers/${tunnelName('B')}`)
  return { post: answered - asked, flows }
}

/** A ping that stands ready, so that starting a process is not measured: one packet each 2 ms until one is answered. */
function readyPing(place: Namespace): { go(): Promise<void> } {
  const target = ADDRESSES.host.B[4]
  const [program = '', ...args] = place.command(
    'sh',
    '-c',
    `read x; exec ping -n -i 0.002 -c 1 -w 20 ${target}`,
  )
  const child = spawn(program, args, { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise<number | null>(resolve => child.on('exit', resolve))
  return {
    go: async () => {
      child.stdin?.end('\n')
      const code = await ended
      if (code !== 0) throw new Error('no ping was answered within 20 s')
    },
  }
}
