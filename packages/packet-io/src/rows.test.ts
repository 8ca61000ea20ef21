import { randomBytes } from 'node:crypto'
import { millis } from '@brunel/base'
import { Batch, OUTBOUND_SHAPE, ROW, ROW_FIELDS } from '@brunel/datapath'
import fc from 'fast-check'
import t from 'tap'
import { native, pumpNumber } from './native.js'
import { NativeSealer, NativeTun, NativeUnderlay } from './pump-ports.js'

const instance = native.openIo(-1, -1)
t.teardown(() => native.closeIo(instance))
const sealer = new NativeSealer(pumpNumber(instance, 'outbound'))
const underlay = new NativeUnderlay(pumpNumber(instance, 'outbound'))
const tun = new NativeTun(pumpNumber(instance, 'outbound'))
const sa = native.addSa(instance, 0, randomBytes(20), 0, new Uint8Array(), 16, false)

const ROWS = 16
const LENGTH = 4096

/** Numbers near every edge that a row has. */
const number = fc.oneof(
  fc.integer({ min: -4, max: 64 }),
  fc.integer({ min: LENGTH - 64, max: LENGTH + 64 }),
  fc.constantFrom(-0x80000000, 0x7fffffff, 0x7ffffff0, 65535, 65536, 16383, 16384),
)
const row = fc.record({
  offset: number,
  length: number,
  status: fc.constantFrom(0, 0, 0, 0, -1, 5),
  sa: fc.oneof(fc.constantFrom(sa, sa, -1), number),
  tun: number,
  path: number,
  tos: number,
})

t.test('whatever rows say, nothing outside the memory is touched and no dead row comes alive', async () => {
  const memory = new ArrayBuffer(LENGTH * 3)
  const guard = new Uint8Array(memory)
  const bytes = new Uint8Array(memory, LENGTH, LENGTH)
  const rows = new Int32Array(ROWS * ROW_FIELDS)
  const batch = {
    bytes,
    view: new DataView(memory, LENGTH, LENGTH),
    rows,
    addresses: new Uint8Array(ROWS * 40),
    shape: { rows: ROWS, slotLength: 256, headroom: 64 },
  } as Batch
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: ROWS }),
      fc.integer({ min: -1, max: 40 }),
      (list, n) => {
        guard.fill(0xa5)
        list.forEach((fields, i) => {
          for (const [name, value] of Object.entries(fields))
            rows[i * ROW_FIELDS + ROW[name as keyof typeof ROW]] = value
        })
        const dead = list.map((fields, i) => [fields.status, i] as const).filter(([status]) => status !== 0)
        sealer.seal(batch, n)
        sealer.open(batch, n)
        underlay.send(batch, n)
        tun.write(batch, n)
        const untouched = (from: number): boolean =>
          guard.subarray(from, from + LENGTH).every(octet => octet === 0xa5)
        return (
          untouched(0) &&
          untouched(2 * LENGTH) &&
          dead.every(([status, i]) => rows[i * ROW_FIELDS + ROW.status] === status)
        )
      },
    ),
    { numRuns: 3000 },
  )
})

t.test('a batch of the wrong kind is refused, and so is one with more rows than the addon has', async t => {
  const small = new Batch(OUTBOUND_SHAPE, new ArrayBuffer(OUTBOUND_SHAPE.slotLength * 4))
  const pump = pumpNumber(instance, 'outbound')
  t.throws(() => native.seal(pump, small.addresses, small.bytes as never, small.addresses, 1), TypeError)
  t.throws(() => native.seal(pump, new Uint8Array(4), small.rows, undefined as never, 1), TypeError)
  t.throws(() => native.seal(9999, small.bytes, small.rows, small.addresses, 1), /closed/)
  const large = new Batch({ ...OUTBOUND_SHAPE, rows: 2000 }, new ArrayBuffer(10))
  t.throws(() => tun.read(large, 64, millis(0)), RangeError)
  t.equal(tun.read(small, 64, millis(0)), 0)
})
