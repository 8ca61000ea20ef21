import { isDrop } from '@brunel/base'
import { hex, octets } from '@brunel/base/testing'
import fc from 'fast-check'
import t from 'tap'
import * as Tcp from './tcp-encapsulation.js'

/** The contents of runs, in hexadecimal. */
function contents(runs: readonly Uint8Array[]): string[] {
  const found: string[] = []
  for (const run of runs)
    for (let at = 0; at < run.length; at += Tcp.lengthAt(run, at))
      found.push(hex(run.subarray(at + Tcp.LENGTH, at + Tcp.lengthAt(run, at))))
  return found
}

/** What a reader makes of chunks, until it gives up. */
function readAll(chunks: readonly Uint8Array[], prefixed: boolean): readonly string[] {
  const reader = new Tcp.Reader(prefixed)
  const found: string[] = []
  for (const chunk of chunks) {
    const runs = reader.take(chunk)
    if (isDrop(runs)) return [...found, runs]
    found.push(...contents(runs))
  }
  return found
}

const PREFIX = '494b45544350'

for (const [name, prefixed, stream, want] of [
  ['nothing but the prefix', true, PREFIX, []],
  ['the prefix and an ESP packet', true, `${PREFIX} 000a 0000010000000001`, ['0000010000000001']],
  ['IKE behind its marker', false, '0008 00000000 beef', ['00000000beef']],
  ['a NAT keepalive of one octet', false, '0003 ff', ['ff']],
  ['no prefix where it must be', true, '0008 00000000 beef', ['tcp-prefix']],
  ['another protocol', true, '47455420 2f20', ['tcp-prefix']],
  ['a prefix that is wrong at its end', true, '494b45544351', ['tcp-prefix']],
  ['a prefix where there is none to be', false, PREFIX, []],
  ['length 0', false, '0000', ['tcp-length']],
  ['length 1', false, '0001', ['tcp-length']],
  ['length 2, a message of nothing', false, '0002', ['tcp-length']],
  ['a good message, then length 0', false, '0003 ff 0000', ['tcp-length']],
  ['a message that is not whole', false, '0005 ff', []],
] as const)
  t.test(`RFC 9329, RFC 8229 §3, §4: ${name}`, async t => {
    const bytes = octets(stream.replaceAll(' ', ''))
    t.same(readAll([bytes], prefixed), want)
    const single = readAll(
      Array.from(bytes, octet => Uint8Array.of(octet)),
      prefixed,
    )
    t.same(single.at(-1), want.at(-1), 'octet by octet it comes to the same end')
  })

t.test('RFC 9329, RFC 8229 §6: nothing is read before the whole prefix has come', async t => {
  const reader = new Tcp.Reader(true)
  t.same(reader.take(octets('494b455443')), [])
  t.notOk(reader.isOpen)
  t.same(reader.take(octets('50')), [])
  t.ok(reader.isOpen)
})

t.test('RFC 9329, RFC 8229 §3.1: an IKE message is sent behind length and marker', async t => {
  t.equal(
    hex(Tcp.emitIke(octets('beef')) ?? octets('')),
    hex(octets('0008 00000000 beef'.replaceAll(' ', ''))),
  )
  t.equal(Tcp.emitIke(new Uint8Array(0xffff - 6))?.length, 0xffff, 'the longest')
  t.equal(Tcp.emitIke(new Uint8Array(0xffff - 5)), undefined, 'longer than a length can say')
})

const content = fc.oneof(
  { weight: 8, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 40 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 3000 }) },
)
const cuts = fc.array(fc.nat({ max: 70 }), { minLength: 1, maxLength: 50 })

/** The stream in pieces of these sizes, over and over. */
function inPieces(stream: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = (sizes[i % sizes.length] ?? 0) + (i > 4 * stream.length ? 1 : 0)
    pieces.push(stream.subarray(at, at + size))
    at += size
  }
  return pieces
}

t.test('RFC 9329, RFC 8229 §3: however the network cuts the stream, the messages are the same', async () => {
  fc.assert(
    fc.property(fc.array(content, { maxLength: 30 }), cuts, fc.boolean(), (messages, sizes, prefixed) => {
      const frames = Tcp.emitAll(messages)
      const stream = prefixed ? Uint8Array.of(...Tcp.PREFIX, ...frames) : frames
      const found = readAll(inPieces(stream, sizes), prefixed)
      return found.join() === messages.map(hex).join()
    }),
  )
})

/** Mostly true frames, and now and then a senseless length or octets that belong to nothing. */
const piece = fc.oneof(
  { weight: 6, arbitrary: content.map(one => Tcp.emitAll([one])) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 12 }) },
  { weight: 1, arbitrary: fc.constantFrom(octets('0000'), octets('0001'), octets('ffff'), Tcp.PREFIX) },
)

t.test('whatever comes, a run holds whole messages only, and no octet is made or lost', async () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 20 }), cuts, (pieces, sizes) => {
      const stream = Uint8Array.of(...pieces.flatMap(one => [...one]))
      const reader = new Tcp.Reader(false)
      let read = ''
      for (const chunk of inPieces(stream, sizes)) {
        const runs = reader.take(chunk)
        if (isDrop(runs)) return runs === 'tcp-length'
        for (const run of runs) {
          let at = 0
          while (at < run.length) at += Math.max(3, Tcp.lengthAt(run, at))
          if (at !== run.length) return false
          read += hex(run)
        }
      }
      return hex(stream).startsWith(read) && stream.length - read.length / 2 <= 0xffff
    }),
    { numRuns: 1000 },
  )
})
