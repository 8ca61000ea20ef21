import { execFile } from 'node:child_process'
import type { ActionOptions, ActionReport, TunnelAction, TunnelReport } from '@brunel/admin-api'
import { assertNever } from '@brunel/base'
import type { Peer } from '@brunel/config'
import { farEnd } from './far-end.js'
import type { IkeHost } from './ike-host.js'
import type { Tunnel } from './tunnel.js'

export interface ActionContext {
  readonly peer: Peer
  readonly tunnel: Tunnel | undefined
  readonly ike: IkeHost
  readonly report: () => TunnelReport
  readonly options: ActionOptions
}

/** Longest that an action waits for its outcome; it goes on afterwards all the same. */
const WAIT_MS = 8000
const LOOK_MS = 20

const answer = (done: boolean, detail: string, more: Partial<ActionReport> = {}): ActionReport => ({
  done,
  detail,
  code: null,
  remedy: null,
  data: {},
  ...more,
})

/** Carries out what an operator asks of a tunnel, and says what came of it. */
export async function act(action: TunnelAction, context: ActionContext): Promise<ActionReport> {
  const { peer, tunnel, ike, report } = context
  if (tunnel === undefined)
    return answer(false, `${peer.name} has no tunnel: it is disabled, or could not be opened.`, {
      code: 'BRUNEL_TUNNEL_NOT_OPEN',
      remedy: 'Set enabled to true; GET /readyz tells what was refused.',
    })
  switch (action) {
    case 'up':
      tunnel.halted = false
      ike.feed({ on: 'up', peer: peer.name })
      return outcome(report, r => r.layers.esp.state === 'up', 'The tunnel is negotiated.')
    case 'down':
      tunnel.halted = true
      ike.feed({ on: 'down', peer: peer.name })
      return outcome(report, r => r.ike.length === 0, 'The tunnel is down; it stays down until `up`.')
    case 'rekey':
      return rekey(context)
    case 'reauthenticate':
      return reauthenticate(context)
    case 'ping':
      return ping(tunnel, context.options)
    default:
      return assertNever(action)
  }
}

const CHILD = {
  what: 'child',
  spis: (r: TunnelReport) => r.ike.flatMap(sa => sa.children.map(c => c.spiIn)).join(),
  detail: 'The ESP SAs are rekeyed.',
} as const
const IKE = {
  what: 'ike',
  spis: (r: TunnelReport) => r.ike.map(sa => sa.spiInitiator).join(),
  detail: 'The IKE SA is rekeyed.',
} as const

/** Make before break: the old IKE SA goes when the new one stands (RFC 7296 §2.8.3). */
async function reauthenticate({ peer, ike, report }: ActionContext): Promise<ActionReport> {
  const before = IKE.spis(report())
  if (before === '') return noSa('There is no IKE SA to negotiate anew.')
  if (peer.remote.kind === 'any')
    return answer(false, 'The address of the peer is `any`: only the other router can negotiate anew.', {
      code: 'BRUNEL_ANSWER_ONLY',
      remedy: 'Do it on the other router, or write its address into remote.address.',
    })
  ike.feed({ on: 'reauthenticate', peer: peer.name })
  return outcome(report, r => renewed(before, IKE.spis(r)), 'The two routers have authenticated anew.')
}

const noSa = (detail: string): ActionReport =>
  answer(false, detail, {
    code: 'BRUNEL_NO_SA',
    remedy: 'Bring the tunnel up first; its state says why it is not.',
  })

/** One SA, and none of the old. */
const renewed = (before: string, spis: string): boolean =>
  spis !== '' && spis !== before && !spis.includes(',')

async function rekey(context: ActionContext): Promise<ActionReport> {
  const { what } = context.options
  if (what !== 'all') return rekeyOne(context, what === 'ike' ? IKE : CHILD)
  const first = await rekeyOne(context, IKE)
  if (!first.done) return first
  const second = await rekeyOne(context, CHILD)
  return second.done ? answer(true, 'The IKE SA and the ESP SAs are rekeyed.') : second
}

async function rekeyOne(
  { peer, ike, report }: ActionContext,
  { what, spis, detail }: typeof CHILD | typeof IKE,
): Promise<ActionReport> {
  const before = spis(report())
  if (before === '') return noSa('There is no SA to rekey.')
  ike.feed({ on: 'rekey', peer: peer.name, what })
  return outcome(report, r => renewed(before, spis(r)), detail)
}

/** Looks until it is so, for some seconds. */
async function outcome(
  report: () => TunnelReport,
  reached: (report: TunnelReport) => boolean,
  detail: string,
): Promise<ActionReport> {
  for (let waited = 0; waited < WAIT_MS; waited += LOOK_MS) {
    if (reached(report())) return answer(true, detail)
    await new Promise(resolve => setTimeout(resolve, LOOK_MS))
  }
  const { detail: state, lastFailure } = report()
  return answer(false, `Not within ${WAIT_MS / 1000} s: ${lastFailure?.sentence ?? state}`, {
    code: lastFailure?.code ?? 'BRUNEL_TIMEOUT',
    remedy: lastFailure?.remedy ?? 'It goes on by itself; look at the state of the tunnel.',
  })
}

function ping({ peer }: Tunnel, { count, interval }: ActionOptions): Promise<ActionReport> {
  const target = peer.tunnel.addresses.map(farEnd).find(address => address !== undefined)
  if (target === undefined)
    return Promise.resolve(
      answer(false, 'The far end’s address on the tunnel cannot be told from ours.', {
        code: 'BRUNEL_NO_FAR_ADDRESS',
        remedy: 'Give the tunnel a /30, /31 or /127, or ping an address of the other site.',
      }),
    )
  // Without a deadline ping leaves two round trips after the last request; with one it asks on until `count` answers came.
  const often = ['-c', String(count), '-i', String(interval / 1000)]
  const deadline = ['-w', String(Math.ceil((count * interval) / 1000) + 2)]
  const args = ['-n', ...often, ...deadline, '-I', peer.tunnel.interface, target]
  return new Promise(resolve =>
    execFile('ping', args, (error, stdout) => {
      const sent = Math.min(count, Number(/(\d+) packets transmitted/.exec(stdout)?.[1] ?? 0))
      const numbers = [...stdout.matchAll(/icmp_seq=(\d+) ttl/g)].map(found => Number(found[1]))
      const received = new Set(numbers.filter(number => number <= count)).size
      const [, average] = /= [\d.]+\/([\d.]+)\//.exec(stdout) ?? []
      const data = {
        target,
        sent,
        received,
        averageMs: average === undefined ? null : Number(average),
      }
      if (received > 0)
        return resolve(
          answer(true, `${received} of ${sent} answered by ${target} in ${average} ms on average.`, { data }),
        )
      const missing = (error as NodeJS.ErrnoException | null)?.code === 'ENOENT'
      return resolve(
        answer(false, missing ? 'The command ping is missing.' : `${target} does not answer.`, {
          code: 'BRUNEL_NO_ANSWER',
          remedy: missing
            ? 'apt-get install iputils-ping'
            : 'Look at the state of the tunnel, and whether the far end has this address.',
          data,
        }),
      )
    }),
  )
}
