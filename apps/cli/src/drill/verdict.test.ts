import { tunnelReport } from '@brunel/admin-api/fakes'
import t from 'tap'
import { crossingOf, judge, type Snapshot } from './verdict.js'

const ended = (inbound: readonly [number, number], outbound: number) => ({
  leaving: 0,
  inbound: { sas: 1, packets: inbound[0], missing: inbound[1] },
  outbound: { sas: 1, packets: outbound, missing: 0 },
})
const at = (
  inbound: readonly [number, number],
  outbound: number,
  drops: Snapshot['drops'] = [],
): Snapshot => ({
  tunnel: tunnelReport('x', { endedSas: ended(inbound, outbound) }),
  drops,
})

t.test('what one end sent and the other took in is compared; what was before does not count', async t => {
  const sender = [at([0, 0], 100), at([0, 0], 350)] as const
  for (const [title, received, missing, lost] of [
    ['all came', 290, 7, 0],
    ['three numbers never came', 287, 10, 3],
    ['the last two of an SA did not come, which no gap shows', 288, 7, 2],
  ] as const) {
    const receiver = [at([40, 7], 0), at([received, missing], 0)] as const
    t.same(crossingOf(sender, receiver), { sent: 250, received: received - 40, lost }, title)
  }
  t.same(
    crossingOf(undefined, [at([40, 7], 0), at([290, 9], 0)]),
    { sent: null, received: 250, lost: 2 },
    'alone, by the gaps',
  )
})

t.test('a lost probe is an ESP packet too, and counts once', async t => {
  const verdict = (missing: number, answered: number) =>
    judge({
      tunnel: 'x',
      count: 1,
      asked: { here: { child: 1, ike: 0 }, other: { child: 0, ike: 0 } },
      unfinished: [],
      here: [at([0, 0], 0), at([100, missing], 0)],
      other: undefined,
      probes: { sent: 50, answered, missing: null },
      seconds: 1,
    })
  t.match(verdict(0, 50), { lost: 0, passed: true })
  t.match(verdict(4, 49), { lost: 4, passed: false })
  t.match(verdict(0, 49), { lost: 1, passed: false }, 'lost before or behind ESP')
})

t.test('ESP and IKE drops that grew are told, those of the traffic are not', async t => {
  const drops = (n: number) =>
    ['esp-replay', 'esp-dummy', 'ip-ttl'].map(reason => ({ reason, direction: 'inbound', count: n }))
  const { here } = judge({
    tunnel: 'x',
    count: 1,
    asked: { here: { child: 1, ike: 0 }, other: { child: 0, ike: 0 } },
    unfinished: [],
    here: [at([0, 0], 0, drops(5)), at([0, 0], 0, drops(8))],
    other: undefined,
    probes: { sent: 0, answered: 0, missing: null },
    seconds: 1,
  })
  t.same(here.drops, [{ reason: 'esp-replay', direction: 'inbound', count: 3 }])
})
