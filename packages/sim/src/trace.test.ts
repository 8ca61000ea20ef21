import { instant } from '@brunel/base'
import t from 'tap'
import { chain, describe, sealName, Trace } from './trace.js'

const header = (next: number, exchange: number, flags: number, id: number): number[] => [
  ...Array<number>(16).fill(1),
  next,
  0x20,
  exchange,
  flags,
  0,
  0,
  0,
  id,
  0,
  0,
  0,
  28,
]

for (const [name, first, hex, want] of [
  ['SA, KE, Nonce', 33, '22000004 28000004 00000004', 'SA KE Nonce'],
  ['a notify by its name', 41, '00000008 00004009', 'N(REKEY_SA)'],
  ['a notify without a name', 41, '00000008 0000ff00', 'N(65280)'],
  ['deletes', 42, '2a00000c 03040001 0000beef 00000008 01000000', 'D(ESP 1) D(IKE)'],
  ['nothing', 0, '', ''],
  ['what makes no sense is left out', 33, '22000003', ''],
] as const) {
  t.test(`a chain of payloads: ${name}`, async t => {
    t.equal(chain(first, Buffer.from(hex.replaceAll(' ', ''), 'hex')), want)
  })
}

t.test('a message in words, sealed or not', async t => {
  const clear = Uint8Array.from(header(41, 34, 0x20, 0).concat([0, 0, 0, 8, 0, 0, 0, 7]))
  t.equal(describe(clear, new Map()), 'IKE_SA_INIT 0 response N(INVALID_SYNTAX)')
  const sealed = Uint8Array.from(header(46, 36, 0x08, 5).concat(Array(40).fill(9)))
  t.equal(describe(sealed, new Map()), 'CREATE_CHILD_SA 5 request SK')
  t.equal(
    describe(sealed, new Map([[sealName(sealed), '{SA Nonce}']])),
    'CREATE_CHILD_SA 5 request {SA Nonce}',
  )
  t.equal(describe(sealed.subarray(0, 20), new Map()), '20 octets')
})

t.test('a trace has a line for each step, octets as hex', async t => {
  const trace = new Trace(new Map())
  trace.add(instant(5), 'a', { on: 'tick' })
  const end = { address: '192.0.2.1', port: 500 }
  trace.add(instant(6), 'b', { on: 'datagram', bytes: Uint8Array.of(1, 255), local: end, remote: end })
  t.same(trace.lines(), [
    '{"at":5,"router":"a","on":"tick"}',
    '{"at":6,"router":"b","on":"datagram","bytes":"01ff","local":{"address":"192.0.2.1","port":500},"remote":{"address":"192.0.2.1","port":500},"message":"2 octets"}',
  ])
})
