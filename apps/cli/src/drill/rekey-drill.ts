import type { ActionReport, TunnelReport } from '@brunel/admin-api'
import type { Client } from '../client.js'
import { pathTo } from '../context.js'
import { EXIT, Failure } from '../failure.js'
import { planRounds, type Round, type Step, type What, type Where } from './plan.js'
import {
  type DrillReport,
  type Drops,
  isSamePair,
  isSettled,
  judge,
  type Probes,
  type Snapshot,
} from './verdict.js'

/**
 * Rekeys a live link over and over, from both routers and crossing on purpose, and counts what was lost.
 *
 *     a fresh pair of ESP SAs, the old ones gone | snapshot | rounds, each until it has settled |
 *     a fresh pair again, the old ones gone | snapshot: their figures are final on both routers
 */
export interface DrillPorts {
  readonly wait: (ms: number) => Promise<void>
  readonly now: () => Date
  readonly progress: (text: string) => void
}

export interface Router {
  readonly api: Client
  readonly tunnel: string
}

/** Between two looks at a router, longer each time: the API counts its callers' requests. */
const LOOK_FIRST_MS = 10
const LOOK_MOST_MS = 250
/** A rekey that meets TEMPORARY_FAILURE is repeated after two seconds at most; a lost message after one. */
const SETTLES_MS = 20_000
/** Replaced SAs receive for 5 s longer; one that the other router never deletes goes after 20 s. */
const DRAINS_MS = 60_000
const TELL_EVERY = 100

const BUSY = ['BRUNEL_API_BUSY', 'BRUNEL_API_TOO_MANY']
const BUSY_WAIT_MS = 500
const BUSY_TRIES = 60

/** A busy router is no failed rekey: it is asked again. */
const patient = ({ api, tunnel }: Router, wait: DrillPorts['wait']): Router => ({
  tunnel,
  api: {
    async call(...request) {
      for (let tries = 1; ; tries++)
        try {
          return await api.call(...request)
        } catch (cause) {
          const busy = cause instanceof Failure && BUSY.includes(cause.code ?? '')
          if (!busy || tries === BUSY_TRIES) throw cause
          await wait(BUSY_WAIT_MS)
        }
    },
  },
})

export class RekeyDrill {
  readonly #ports: DrillPorts
  readonly #routers: Readonly<Record<Where, Router | undefined>>
  readonly #unfinished: string[] = []
  readonly #asked: Record<Where, Record<What, number>> = {
    here: { child: 0, ike: 0 },
    other: { child: 0, ike: 0 },
  }
  #probing = true

  constructor(ports: DrillPorts, here: Router, other: Router | undefined) {
    this.#ports = ports
    this.#routers = {
      here: patient(here, ports.wait),
      other: other && patient(other, ports.wait),
    }
  }

  async run(count: number): Promise<DrillReport> {
    const { here, other } = this.#routers as { here: Router; other: Router | undefined }
    if (!(await this.#freshPair(here))) throw this.#neverBegan(here)
    const [hereBefore, otherBefore] = [await snapshot(here), other && (await snapshot(other))]
    const began = this.#ports.now().getTime()
    const probing = this.#probe(here)
    let done = 0
    for (const round of planRounds(count, other === undefined ? 1 : 2)) {
      // What goes on after that would only hide it.
      if (!(await this.#round(round))) break
      const told = Math.floor(done / TELL_EVERY)
      done += round.length
      if (Math.floor(done / TELL_EVERY) > told) this.#ports.progress(`${done} of ${count} rekeys`)
    }
    const seconds = (this.#ports.now().getTime() - began) / 1000
    this.#probing = false
    const probes = await probing
    await this.#freshPair(here)
    return judge({
      tunnel: here.tunnel,
      count,
      asked: this.#asked,
      unfinished: this.#unfinished,
      here: [hereBefore, await snapshot(here)],
      other: other && otherBefore && [otherBefore, await snapshot(other)],
      probes,
      seconds,
    })
  }

  async #round(round: Round): Promise<boolean> {
    let last: Promise<void> = Promise.resolve()
    const all = round.map(step => {
      const before = step.after === 'answer' ? last : this.#ports.wait(step.after)
      last = before.then(() => this.#step(step))
      return last
    })
    await Promise.all(all)
    return this.#settle(`after ${round.map(({ where, what }) => `${what} ${where}`).join(' and ')}`)
  }

  async #step({ where, what }: Step): Promise<void> {
    this.#asked[where][what]++
    await this.#rekey(this.#routers[where] as Router, what)
  }

  async #rekey({ api, tunnel }: Router, what: What): Promise<void> {
    try {
      await api.call('POST', `${pathTo('tunnels', tunnel)}/rekey?what=${what}`)
    } catch (cause) {
      if (!(cause instanceof Failure) || cause.exit !== EXIT.refused) throw cause
      this.#unfinished.push(`${tunnel}, ${what}: ${cause.message}`)
    }
  }

  /** What has come before is on SAs that are gone, and final. */
  async #freshPair(here: Router): Promise<boolean> {
    if (!(await this.#settle('at rest'))) return false
    await this.#rekey(here, 'child')
    return (
      (await this.#settle('after a rekey from here')) &&
      this.#until('replaced ESP SAs are still there', DRAINS_MS, reports =>
        reports.every(({ endedSas }) => endedSas.leaving === 0),
      )
    )
  }

  #settle(when: string): Promise<boolean> {
    return this.#until(`the SAs do not settle ${when}`, SETTLES_MS, ([here, other]) => {
      if (here === undefined || !isSettled(here)) return false
      return other === undefined || (isSettled(other) && isSamePair(here, other))
    })
  }

  /** What does not come is told by the report, which then fails. */
  async #until(what: string, limit: number, reached: (reports: TunnelReport[]) => boolean): Promise<boolean> {
    let look = LOOK_FIRST_MS
    for (let waited = 0; waited < limit; waited += look) {
      if (reached(await this.#reports())) return true
      await this.#ports.wait(look)
      look = Math.min(look * 2, LOOK_MOST_MS)
    }
    this.#unfinished.push(`${what} within ${limit / 1000} s`)
    return false
  }

  #neverBegan({ tunnel }: Router): Failure {
    return new Failure(EXIT.refused, `${tunnel} cannot be drilled: ${this.#unfinished.join('; ')}.`, {
      remedy: `It takes one IKE SA with one pair of ESP SAs: see \`brunel status ${tunnel}\`.`,
    })
  }

  #reports(): Promise<TunnelReport[]> {
    const { here, other } = this.#routers
    return Promise.all([here, other].filter(one => one !== undefined).map(reportOf))
  }

  /** Echo requests, 50 a second, each with its number, until the drill ends. */
  async #probe({ api, tunnel }: Router): Promise<Probes> {
    let [sent, answered] = [0, 0]
    while (this.#probing) {
      const count = 100
      try {
        const { body } = await api.call<ActionReport>(
          'POST',
          `${pathTo('tunnels', tunnel)}/ping?count=${count}&interval=20`,
        )
        sent += Number(body.data['sent'] ?? 0)
        answered += Number(body.data['received'] ?? 0)
      } catch (cause) {
        if (!(cause instanceof Failure)) throw cause
        if (cause.code !== 'BRUNEL_NO_ANSWER') return { sent, answered, missing: cause.message }
        sent += count
      }
      await this.#ports.wait(0)
    }
    return { sent, answered, missing: null }
  }
}

const reportOf = async ({ api, tunnel }: Router): Promise<TunnelReport> =>
  (await api.call<TunnelReport>('GET', pathTo('tunnels', tunnel))).body

async function snapshot(router: Router): Promise<Snapshot> {
  const { body } = await router.api.call<readonly Drops[]>('GET', '/v1/drops')
  return { tunnel: await reportOf(router), drops: body }
}

/** The other router knows the tunnel by a name of its own: the SPIs of the ESP SAs tell which it is. */
export async function findOther(here: Router, api: Client): Promise<Router> {
  const ours = await reportOf(here)
  if (!ours.ike.some(sa => sa.children.length > 0))
    throw new Failure(EXIT.refused, `${here.tunnel} has no ESP SAs to rekey.`, {
      remedy: `See \`brunel status ${here.tunnel}\`.`,
    })
  const { body } = await api.call<readonly TunnelReport[]>('GET', '/v1/tunnels')
  const pairs = (report: TunnelReport) => report.ike.flatMap(sa => sa.children)
  const theirs = body.find(report =>
    pairs(report).some(a => pairs(ours).some(b => a.spiIn === b.spiOut && a.spiOut === b.spiIn)),
  )
  if (theirs !== undefined) return { api, tunnel: theirs.name }
  throw new Failure(EXIT.refused, `The other router has no tunnel with the SPIs of ${here.tunnel}.`, {
    remedy: 'Give --other the API of the router at the far end of this tunnel.',
  })
}
