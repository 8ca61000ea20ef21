import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ActionReport, DropReport, TunnelReport } from '@brunel/admin-api'
import { createAdminApi, listen } from '@brunel/admin-api'
import { FakeRouter, fakePorts, TOKENS, tunnelReport } from '@brunel/admin-api/fakes'
import t, { type Test } from 'tap'
import { planRounds } from '../src/drill/plan.js'
import { run } from './terminal.js'

/** A router whose ESP SA of number n has the SPI n in and 1000 + n out, or the reverse; `carries` packets each way. */
class DrilledRouter extends FakeRouter {
  readonly asked: string[] = []
  /** Packets that the peer sent and that did not come. */
  loses = 0
  drop = 0
  answers = 100
  stuckFrom = Number.POSITIVE_INFINITY
  rekeys = 0
  busyAt = -1
  readonly #name: string
  readonly #mirror: boolean

  constructor(name: string, mirror: boolean) {
    super()
    this.#name = name
    this.#mirror = mirror
  }

  override async tunnels(): Promise<readonly TunnelReport[]> {
    return [tunnelReport('elsewhere'), this.#report()]
  }
  override async tunnel(name: string): Promise<TunnelReport | undefined> {
    return (await this.tunnels()).find(report => report.name === name)
  }
  override async drops(): Promise<DropReport[]> {
    return [{ reason: 'tunnel-no-sa', direction: 'outbound', count: this.drop }]
  }
  override async act(
    _name: string,
    action: 'rekey' | 'ping',
    { what, count }: { what: 'all' | 'ike' | 'child'; count: number; interval: number },
  ): Promise<ActionReport | undefined> {
    const done = { done: true, detail: '', code: null, remedy: null }
    if (action === 'ping') return { ...done, data: { sent: count, received: this.answers } }
    if (this.rekeys === this.busyAt) {
      this.busyAt = -1
      return { ...done, done: false, code: 'BRUNEL_API_BUSY', data: {} }
    }
    this.asked.push(what)
    this.rekeys++
    if (this.rekeys === 3) this.drop += this.loses
    return { ...done, data: {} }
  }

  #report(): TunnelReport {
    const whole = tunnelReport(this.#name)
    const [sa] = whole.ike
    const [child] = sa?.children ?? []
    if (sa === undefined || child === undefined) throw new Error('the fake has an SA')
    const [a, b] = ['00000001', '00001001']
    const [spiIn = '', spiOut = ''] = this.#mirror ? [b, a] : [a, b]
    const n = this.rekeys
    const none = { begun: n, finished: n, answered: 0, crossed: 0, redundant: 0, deferred: 0 }
    return {
      ...whole,
      ike: [
        {
          ...sa,
          state: n < this.stuckFrom ? 'established' : 'rekeying',
          children: [{ ...child, spiIn, spiOut }],
        },
      ],
      rekeys: { ike: none, child: none },
    }
  }
}

async function served(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'brunel-drill-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const open = async (router: DrilledRouter, file: string): Promise<string> => {
    const app = await createAdminApi({ ...fakePorts(), router, version: '0.1.0' })
    const socket = join(directory, file)
    const doors = await listen(app, { tcp: { host: '127.0.0.1', port: 0 }, socket })
    t.teardown(() => doors.close())
    return socket
  }
  const [here, other] = [new DrilledRouter('site-b', false), new DrilledRouter('site-a', true)]
  const [ours, theirs] = [await open(here, 'bruneld.sock'), await open(other, 'other.sock')]
  const files = { token: `${TOKENS.admin}\n`, 'other-token': `${TOKENS.admin}\n` }
  const brunel = (line: string) =>
    run(['--socket', ours, '--token-file', 'token', ...line.split(' ')], { files })
  return { here, other, theirs, brunel }
}

t.test('the plan has as many rekeys as were asked for, of both kinds, from both ends', async t => {
  for (const [count, sides] of [
    [1, 2],
    [7, 2],
    [1000, 2],
    [7, 1],
    [1000, 1],
  ] as const)
    t.equal(planRounds(count, sides).flat().length, count)
  const steps = planRounds(100, 2).flat()
  for (const where of ['here', 'other'])
    for (const what of ['child', 'ike'])
      t.ok(steps.filter(step => step.where === where && step.what === what).length > 10, `${what} ${where}`)
  t.ok(
    planRounds(100, 2).some(([a, b]) => a?.what === 'child' && b?.what === 'ike'),
    'RFC 7296 §2.25.2: a child and the IKE SA at once',
  )
  t.ok(planRounds(100, 1).every(round => round.every(step => step.where === 'here')))
})

t.test('brunel drill rekey drives both routers and says what it did', async t => {
  const { here, other, theirs, brunel } = await served(t)
  const line = `drill rekey site-b --count 20 --other ${theirs} --other-token-file other-token`
  const { exit, out, err } = await brunel(line)
  t.equal(exit, 0, err)
  t.match(out, '20 rekeys in 0.0 s, from both routers; the other calls it site-a.')
  t.match(out, /probes: \d+00 sent, \d+00 answered, 0 lost/)
  t.match(out, 'In the end: one IKE SA and one pair of ESP SAs, the same on both routers.')
  t.match(out, /Passed: no packet was lost\.$/)
  t.equal(here.asked.length + other.asked.length, 22, 'and one before and one after')
  t.ok(other.asked.includes('ike') && other.asked.includes('child'))
  const { asked, passed } = JSON.parse((await brunel(`${line} --json`)).out)
  t.equal(asked.here.child + asked.here.ike + asked.other.child + asked.other.ike, 20)
  t.equal(passed, true)
})

t.test('without the other router it drills from here only, and says so', async t => {
  const { other, brunel } = await served(t)
  const { exit, out } = await brunel('drill rekey site-b --count 4')
  t.equal(exit, 0)
  t.match(out, 'from this router only (give --other to let both rekey, and cross)')
  t.match(out, 'here to the other: only the probes tell')
  t.equal(other.asked.length, 0)
})

for (const [title, spoilt, said] of [
  ['a packet without an SA', { loses: 2 }, 'here: 2 found no SA to leave by'],
  ['a probe', { answers: 99 }, /\d+ answered, \d+ lost/],
] as const)
  t.test(`${title} is lost: the drill fails with exit 1`, async t => {
    const { here, brunel } = await served(t)
    Object.assign(here, spoilt)
    const { exit, out, err } = await brunel('drill rekey site-b --count 2')
    t.equal(exit, 1)
    t.match(out, said)
    t.match(err, 'The drill of site-b failed')
  })

t.test('a router that is busy for a moment is asked again', async t => {
  const { here, brunel } = await served(t)
  here.busyAt = 2
  const { exit, err } = await brunel('drill rekey site-b --count 3')
  t.equal(exit, 0, err)
  t.equal(here.asked.length, 5)
})

t.test('SAs that do not settle are not drilled, and a drill that leaves such fails', async t => {
  const { here, brunel } = await served(t)
  here.stuckFrom = 2
  const { exit, out } = await brunel('drill rekey site-b --count 9')
  t.equal(exit, 1)
  t.match(out, 'not done: the SAs do not settle after child here within 20 s')
  t.match(out, 'In the end: not one IKE SA and one pair of ESP SAs.')
  t.equal(here.asked.length, 2, 'it stops there')
  t.match(await brunel('drill rekey site-b'), { exit: 1, err: /site-b cannot be drilled: .* at rest/ })
})

t.test('a router that is not at the far end is refused', async t => {
  const { here, theirs, brunel } = await served(t)
  t.match(await brunel(`drill rekey elsewhere --other ${theirs} --other-token-file other-token`), {
    exit: 1,
    err: /no tunnel with the SPIs of elsewhere.*\n.*Give --other the API of the router at the far end/,
  })
  t.match(await brunel('drill rekey site-b --count 0'), { exit: 2 })
  t.match(await brunel(`drill rekey site-b --other ${theirs} --other-token-file none`), {
    exit: 2,
    err: /The token file none cannot be read/,
  })
  t.equal(here.asked.length, 0)
})
