import fc from 'fast-check'
import t from 'tap'
import { ReplayWindow } from './replay-window.js'

const TWO_32 = 2 ** 32

/** One packet as the receiver treats it; `genuine` is the number its sender gave, the ICV compares. */
function receive(window: ReplayWindow, genuine: number): string {
  const low = genuine % TWO_32
  const early = window.check(low)
  if (early !== undefined) return early
  if (window.seqHigh * TWO_32 + low !== genuine) return 'esp-integrity'
  return window.commit(window.seqHigh, low) ?? 'ok'
}

const at = (size: number, esn: boolean, top: number): ReplayWindow => {
  const window = new ReplayWindow(size, esn)
  if (top > 0) window.commit(Math.floor(top / TWO_32), top % TWO_32)
  return window
}

for (const [name, size, top, seq, want] of [
  ['the first packet is 1', 64, 0, 1, 'ok'],
  ['0 is never sent', 64, 0, 0, 'esp-before-window'],
  ['a duplicate', 64, 100, 100, 'esp-replay'],
  ['the next', 64, 100, 101, 'ok'],
  ['late inside the window', 64, 100, 37, 'ok'],
  ['the left edge', 64, 100, 36, 'esp-before-window'],
  ['far left', 64, 100, 1, 'esp-before-window'],
  ['the smallest window', 32, 100, 69, 'ok'],
  ['left of the smallest window', 32, 100, 68, 'esp-before-window'],
  ['the largest in use', 4096, 5000, 905, 'ok'],
  ['left of the largest in use', 4096, 5000, 904, 'esp-before-window'],
  ['a size that is no power of two', 100, 1000, 901, 'ok'],
  ['left of such a size', 100, 1000, 900, 'esp-before-window'],
  ['the last number there is', 64, 100, TWO_32 - 1, 'ok'],
] as const) {
  t.test(`RFC 4303 §3.4.3: 32-bit sequence numbers: ${name}`, async t => {
    t.equal(receive(at(size, false, top), seq), want)
  })
}

for (const [name, size, top, seq, want] of [
  ['case A: right of the window stays in the same 2^32', 64, 5 * TWO_32 + 1000, 5 * TWO_32 + 2000, 'ok'],
  ['case A: inside the window', 64, 5 * TWO_32 + 1000, 5 * TWO_32 + 937, 'ok'],
  ['case A: a duplicate', 64, 5 * TWO_32 + 1000, 5 * TWO_32 + 1000, 'esp-replay'],
  ['case A: left of it is read as the next 2^32 and dies at the ICV', 64, 5000, 4000, 'esp-integrity'],
  ['case A: a low half left of it is the next 2^32', 64, TWO_32 - 10, TWO_32 + 3, 'ok'],
  ['case B: right of the window', 64, TWO_32 + 10, TWO_32 + 11, 'ok'],
  ['case B: inside, this 2^32', 64, TWO_32 + 10, TWO_32 + 3, 'ok'],
  ['case B: inside, the 2^32 before', 64, TWO_32 + 10, TWO_32 - 20, 'ok'],
  ['case B: the left edge', 64, TWO_32 + 10, TWO_32 + 10 - 63, 'ok'],
  ['case B: left of the edge dies at the ICV', 64, TWO_32 + 10, TWO_32 + 10 - 64, 'esp-integrity'],
  ['case B at the start: before the first packet', 64, 10, TWO_32 - 20, 'esp-before-window'],
  ['number 2^32 itself', 64, TWO_32 - 1, TWO_32, 'ok'],
  ['more than a number can count', 64, (2 ** 21 - 1) * TWO_32 + 1000, 2 ** 53, 'esp-sequence-exhausted'],
] as const) {
  t.test(`RFC 4303 §A2.2: ESN: ${name}`, async t => {
    t.equal(receive(at(size, true, top), seq), want)
  })
}

t.test('RFC 4303 §3.4.3: a forged number moves nothing: only commit does', async t => {
  for (const esn of [false, true]) {
    const window = at(64, esn, 100)
    t.equal(window.check(4_000_000_000), undefined)
    t.equal(window.top, 100)
    t.equal(receive(window, 50), 'ok')
    t.equal(receive(window, 101), 'ok')
  }
})

t.test('RFC 4303 §3.4.3: two copies in one batch both pass the check, one is committed', async t => {
  const window = at(64, true, 100)
  t.equal(window.check(101), undefined)
  t.equal(window.check(101), undefined)
  t.equal(window.commit(0, 101), undefined)
  t.equal(window.commit(0, 101), 'esp-replay')
})

t.test('a window below 32 is a bug (RFC 4303 §3.4.3)', async t => {
  t.throws(() => new ReplayWindow(31, false))
})

t.test(
  'RFC 4303 §3.4.3, §A2.2, §A2.3: no packet twice, none lost that is inside, against a set of all numbers',
  async () => {
    const size = fc.constantFrom(32, 33, 64, 100, 1024)
    const start = fc.constantFrom(0, 5, TWO_32 - 50, TWO_32 + 20, 3 * TWO_32 - 1)
    const steps = fc.array(fc.oneof(fc.integer({ min: -70, max: 40 }), fc.constantFrom(-1023, 31, 32, 2000)))
    fc.assert(
      fc.property(size, start, steps, (size, start, steps) => {
        const window = at(size, true, start)
        const seen = new Set(start > 0 ? [start] : [])
        let top = start
        for (const step of steps) {
          const seq = top + step
          if (seq <= 0) continue
          const got = receive(window, seq)
          const want = seen.has(seq) && seq > top - size ? 'esp-replay' : seq > top - size ? 'ok' : 'refused'
          if (want === 'refused' ? got === 'ok' : got !== want) return false
          if (got === 'ok') seen.add(seq)
          if (got === 'ok') top = Math.max(top, seq)
        }
        return window.top === top
      }),
      { numRuns: 500 },
    )
  },
)
