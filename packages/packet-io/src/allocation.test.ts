import { randomBytes } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { millis } from '@brunel/base'
import { OUTBOUND_SHAPE, ROW, ROW_FIELDS } from '@brunel/datapath'
import t from 'tap'
import { inboundBatch, outboundBatch } from '../test/batches.js'
import { SharedClock } from './clock.js'
import { native, pumpNumber } from './native.js'
import { NativeSealer, NativeTun, NativeUnderlay } from './pump-ports.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const BATCHES = 2000
const PACKETS = 64
/** Octets of heap that a packet may cost. */
const ALLOWED = 4
/** Of measuring, at most: the compiler allocates too, and is late where others want the processor. */
const ROUNDS = 20

t.test('a batch through sealer, TUN, underlay and clock leaves next to nothing on the heap', async t => {
  const instance = native.openIo(-1, -1)
  t.teardown(() => native.closeIo(instance))
  const key = randomBytes(20)
  const sa = native.addSa(instance, 0, key, 0, new Uint8Array(), 16, true)
  const sealer = new NativeSealer(pumpNumber(instance, 'outbound'))
  const underlay = new NativeUnderlay(pumpNumber(instance, 'inbound'))
  const tun = new NativeTun(pumpNumber(instance, 'outbound'))
  const clock = new SharedClock(0)
  const out = outboundBatch()
  const into = inboundBatch()
  const turn = (): void => {
    for (let i = 0; i < PACKETS; i++) {
      const row = i * ROW_FIELDS
      out.rows[row + ROW.offset] = i * OUTBOUND_SHAPE.slotLength
      out.rows[row + ROW.length] = 100
      out.rows[row + ROW.status] = 0
      out.rows[row + ROW.sa] = sa
    }
    sealer.seal(out, PACKETS)
    sealer.open(out, PACKETS)
    underlay.send(out, PACKETS)
    tun.write(out, PACKETS)
    tun.read(out, PACKETS, millis(0))
    underlay.receive(into, PACKETS, millis(0))
    underlay.tooBig()
    clock.now()
  }
  for (let i = 0; i < BATCHES; i++) turn()
  let each = Number.POSITIVE_INFINITY
  for (let round = 0; each >= ALLOWED && round < ROUNDS; round++) {
    collect()
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < BATCHES; i++) turn()
    each = (process.memoryUsage().heapUsed - before) / (BATCHES * PACKETS)
  }
  t.ok(each < ALLOWED, `${each.toFixed(2)} octets a packet`)
  t.comment(`${each.toFixed(2)} octets a packet`)
})
