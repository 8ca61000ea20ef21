import t from 'tap'
import { Candidates, preferred } from './candidates.js'

const RESOLVED = ['2001:db8::7', '198.51.100.7', '198.51.100.8']

for (const [prefer, want] of [
  [undefined, RESOLVED],
  ['ipv4', ['198.51.100.7', '198.51.100.8', '2001:db8::7']],
  ['ipv6', RESOLVED],
] as const)
  t.test(`the addresses of a name, ${prefer ?? 'the resolver'} first`, async t =>
    t.same(preferred(RESOLVED, prefer), want),
  )

t.test('what did not answer goes to the end; when nothing answered it begins anew', async t => {
  const candidates = new Candidates()
  t.equal(candidates.inOrder(RESOLVED)[0], '2001:db8::7')
  candidates.failed('2001:db8::7')
  t.same(candidates.inOrder(RESOLVED), ['198.51.100.7', '198.51.100.8', '2001:db8::7'])
  candidates.failed('198.51.100.7')
  candidates.failed('198.51.100.8')
  t.same(candidates.inOrder(RESOLVED), RESOLVED)
  t.same(candidates.inOrder(RESOLVED), RESOLVED, 'and stays so')
})

t.test('what answered stays the first, until it does not', async t => {
  const candidates = new Candidates()
  candidates.failed('2001:db8::7')
  candidates.answered('198.51.100.8')
  t.same(candidates.inOrder(RESOLVED), ['198.51.100.8', '2001:db8::7', '198.51.100.7'])
  candidates.failed('198.51.100.8')
  t.same(candidates.inOrder(RESOLVED), ['2001:db8::7', '198.51.100.7', '198.51.100.8'])
})

t.test('what answered and is no address of the name any more counts no more', async t => {
  const candidates = new Candidates()
  candidates.answered('203.0.113.1')
  t.same(candidates.inOrder(RESOLVED), RESOLVED)
})
