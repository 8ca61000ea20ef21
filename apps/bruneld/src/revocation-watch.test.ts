import {
  certificatesIn,
  crlsIn,
  issueCertificate,
  issueCrl,
  newPrivateKey,
  type Question,
} from '@brunel/crypto'
import t from 'tap'
import { RevocationWatch } from './revocation-watch.js'

const HOUR = 3_600_000
const NOW = Date.UTC(2030, 5, 1)
const hours = (n: number): Date => new Date(NOW + n * HOUR)
const URL_ = 'http://crl.example.net/ca.crl'

async function authority() {
  const privateKey = newPrivateKey('ecdsa256')
  const wish = { subject: 'CN=CA', authority: {}, notBefore: hours(-1000), notAfter: hours(9000) }
  return { privateKey, certificate: await issueCertificate({ ...wish, key: privateKey }) }
}
const [ca, other] = [await authority(), await authority()]
const [der] = certificatesIn(ca.certificate)
const question: Question = {
  kind: 'crl',
  url: URL_,
  request: undefined,
  key: 'k',
  certificate: der as Uint8Array,
  issuer: der as Uint8Array,
}
const list = async (from: number, to: number, by = ca) =>
  issueCrl(by, { revoked: [], thisUpdate: hours(from), nextUpdate: hours(to) })
const binary = (pem: string): Uint8Array => crlsIn(pem)[0] as Uint8Array

/** The watch in virtual time, with a web and a disk of its own. */
function world(
  page: () => Uint8Array | Promise<Uint8Array>,
  disk = new Map<string, Uint8Array>(),
  refresh = HOUR,
) {
  let now = NOW
  let alarms: { at: number; run: () => void }[] = []
  const [said, warned, dropped]: [string[], string[], string[]] = [[], [], []]
  let fetches = 0
  const wanted = new Set(['k'])
  const watch = new RevocationWatch({
    fetch: async () => {
      fetches++
      return page()
    },
    cache: {
      read: key => {
        const kept = disk.get(key)
        return kept && { der: kept, at: now }
      },
      write: (key, octets) => void disk.set(key, octets),
    },
    now: () => now,
    later: (ms, run) => void alarms.push({ at: now + ms, run }),
    wanted: () => wanted,
    answer: ({ answer }) => said.push('der' in answer ? 'der' : answer.failed),
    dropped: key => dropped.push(key),
    warn: (_what, { why }) => warned.push(why ?? ''),
    refresh,
  })
  async function run(until: number): Promise<void> {
    for (;;) {
      await new Promise(resolve => setImmediate(resolve))
      const next = alarms.reduce<number | undefined>((first, { at }) => Math.min(first ?? at, at), undefined)
      if (next === undefined || next > NOW + until) break
      now = Math.max(now, next)
      const due = alarms.filter(({ at }) => at <= now)
      alarms = alarms.filter(({ at }) => at > now)
      for (const { run: ring } of due) ring()
    }
    now = NOW + until
  }
  return { watch, run, said, warned, dropped, disk, wanted, fetches: () => fetches }
}

t.test('what is wanted is fetched once, held, kept, and fetched anew every hour', async t => {
  const pem = await list(-1, 200)
  const w = world(() => binary(pem))
  w.watch.want(question)
  w.watch.want(question)
  await w.run(0)
  t.same([w.said, w.fetches(), w.disk.size], [['der'], 1, 1])
  w.watch.want(question)
  await w.run(1000)
  t.same([w.said, w.fetches()], [['der', 'der'], 1], 'what is held is told at once')
  await w.run(3.5 * HOUR)
  t.equal(w.fetches(), 4)
  t.match(w.watch.held(), [
    { kind: 'crl', url: URL_, fetchedAt: NOW + 3 * HOUR, expiresAt: NOW + 200 * HOUR },
  ])
  w.wanted.clear()
  await w.run(9 * HOUR)
  t.same([w.fetches(), w.watch.held(), w.dropped], [4, [], ['k']], 'until nobody needs it, and IKE is told')
  w.wanted.add('k')
  w.watch.want(question)
  await w.run(10.5 * HOUR)
  t.equal(w.fetches(), 5, 'and again for who asks again')
})

t.test('a list that lasts less than an hour is fetched anew halfway to its end', async t => {
  const pem = await list(-1, 0.5)
  const w = world(() => binary(pem))
  w.watch.want(question)
  await w.run(0.26 * HOUR)
  t.equal(w.fetches(), 2)
})

t.test('what is kept on disk serves after a restart, as far as it is right', async t => {
  const none = () => Promise.reject(new Error('ECONNREFUSED'))
  for (const [pem, said] of [
    [await list(-1, 200), 'der'],
    [await list(-9, -1), 'ECONNREFUSED'],
    [await list(-1, 200, other), 'ECONNREFUSED'],
  ] as const) {
    const w = world(none, new Map([['k', binary(pem)]]))
    w.watch.want(question)
    await w.run(0)
    t.same(w.said, [said])
  }
})

t.test('what is not the right list counts as a failure, is told once, and is tried again', async t => {
  for (const [page, why] of [
    [binary(await list(-1, 200, other)), /not signed by/],
    [binary(await list(-9, -1)), /out of date/],
    [binary(await list(5, 200)), /of the future/],
    [Buffer.from('<html>'), /cannot be read/],
  ] as const) {
    const w = world(() => page)
    w.watch.want(question)
    await w.run(150_000)
    t.match(w.said[0], why)
    t.match(w.warned, [why])
    t.same([w.fetches(), w.disk.size, w.watch.held()], [3, 0, []])
  }
})

t.test('after a failure it is tried again as often as is asked for, and no later than a minute', async t => {
  const none = () => Promise.reject(new Error('ECONNREFUSED'))
  for (const [refresh, fetches] of [
    [2_000, 6],
    [HOUR, 1],
  ] as const) {
    const w = world(none, undefined, refresh)
    w.watch.want(question)
    await w.run(10_000)
    t.equal(w.fetches(), fetches)
  }
})

t.test('PEM is taken, too; an older list does not replace a newer one, and a failure leaves it', async t => {
  const [first, older] = [await list(-1, 200), await list(-5, 300)]
  let page: () => Uint8Array = () => Buffer.from(first)
  const w = world(() => page())
  w.watch.want(question)
  await w.run(0)
  page = () => binary(older)
  await w.run(1.01 * HOUR)
  t.same(w.said, ['der', 'it is older than the one held'])
  t.equal(w.watch.held()[0]?.expiresAt, NOW + 200 * HOUR)
})

t.test('a watch that is stopped says nothing more', async t => {
  const pem = await list(-1, 200)
  const w = world(() => binary(pem))
  w.watch.want(question)
  w.watch.stop()
  await w.run(HOUR)
  t.same(w.said, [])
})
