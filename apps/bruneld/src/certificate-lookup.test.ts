import type { Lookup } from '@brunel/ikev2'
import t from 'tap'
import { CertificateLookup } from './certificate-lookup.js'

const lookup = (n: number): Lookup => ({
  kind: 'certificate',
  hash: '00',
  url: `http://pki.example.net/${n}`,
  key: `${n}`,
})

/** A web whose pages come when `serve` says so. */
function world() {
  const open: { url: string; most: number | undefined; answer: (page: Uint8Array | Error) => void }[] = []
  const said: string[] = []
  const lookups = new CertificateLookup({
    fetch: (url, _body, most) =>
      new Promise((resolve, reject) => {
        open.push({ url, most, answer: page => (page instanceof Error ? reject(page) : resolve(page)) })
      }),
    answer: ({ key, answer }) => said.push(`${key} ${'der' in answer ? answer.der.length : answer.failed}`),
  })
  const serve = async (page: Uint8Array | Error): Promise<void> => {
    open.shift()?.answer(page)
    await new Promise(resolve => setImmediate(resolve))
  }
  return { lookups, open, said, serve }
}

t.test('what is at an address is handed on, whatever it is, or why there is nothing', async t => {
  const w = world()
  w.lookups.want(lookup(1))
  w.lookups.want(lookup(2))
  t.match(w.open, [{ url: 'http://pki.example.net/1', most: 65536 }, { url: 'http://pki.example.net/2' }])
  await w.serve(new Uint8Array(7))
  await w.serve(new Error('HTTP 404'))
  t.same(w.said, ['1 7', '2 HTTP 404'])
})

t.test('eight at once, 64 wait, and who comes then hears so', async t => {
  const w = world()
  for (let n = 0; n < 73; n++) w.lookups.want(lookup(n))
  t.same([w.open.length, w.said], [8, []], 'the answer comes after')
  await w.serve(new Uint8Array(0))
  t.same([w.open.length, w.said], [8, ['72 too much is being looked up at this moment', '0 0']])
  for (let n = 0; n < 71; n++) await w.serve(new Uint8Array(0))
  t.same([w.open.length, w.said.length], [0, 73])
})

t.test('after the end nothing is said any more', async t => {
  const w = world()
  for (let n = 0; n < 80; n++) w.lookups.want(lookup(n))
  w.lookups.stop()
  for (let n = 0; n < 8; n++) await w.serve(new Uint8Array(0))
  t.same([w.open, w.said], [[], []])
})
