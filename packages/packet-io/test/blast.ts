/**
 * A sender and a counter of small UDP packets that cost the machine as little as the addon allows, so that what is
 * measured is the routers between them. Runs inside the namespaces of two hosts.
 *
 *     node dist/test/blast.js count SECONDS
 *     node dist/test/blast.js send ADDRESS SECONDS [packets a second] [octets of payload]
 */
import { performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { millis } from '@brunel/base'
import { OUTBOUND_SHAPE, ROW, ROW_FIELDS } from '@brunel/datapath'
import { native, pumpNumber } from '../src/native.js'
import { NativeUnderlay } from '../src/pump-ports.js'
import { inboundBatch, outboundBatch } from './batches.js'

const PORT = 45_500
/** One UDP_SEGMENT message holds as many. */
const ROWS = 64

const [mode, ...args] = process.argv.slice(2)
const instance = native.openIo(PORT, PORT + 1)

function count(seconds: number): void {
  const underlay = new NativeUnderlay(pumpNumber(instance, 'inbound'))
  const batch = inboundBatch()
  let [packets, first, last] = [0, 0, 0]
  const until = performance.now() + seconds * 1000
  while (performance.now() < until) {
    const n = underlay.receive(batch, 256, millis(100))
    if (n === 0) continue
    last = performance.now()
    if (first === 0) first = last
    packets += n
  }
  console.log(JSON.stringify({ packets, seconds: (last - first) / 1000 }))
}

async function send(address: string, seconds: number, rate: number, length: number): Promise<void> {
  const underlay = new NativeUnderlay(pumpNumber(instance, 'outbound'))
  const path = native.setPath(instance, -1, true, '', PORT, address, PORT)
  const batch = outboundBatch()
  for (let i = 0; i < ROWS; i++) {
    const row = i * ROW_FIELDS
    batch.rows[row + ROW.offset] = i * OUTBOUND_SHAPE.slotLength
    batch.rows[row + ROW.length] = length
    batch.rows[row + ROW.path] = path
  }
  const start = performance.now()
  let sent = 0
  for (let now = start; now < start + seconds * 1000; now = performance.now()) {
    while (sent < ((now - start) / 1000) * rate) {
      for (let i = 0; i < ROWS; i++) batch.rows[i * ROW_FIELDS + ROW.status] = 0
      underlay.send(batch, ROWS)
      sent += ROWS
    }
    await sleep(1)
  }
  console.log(JSON.stringify({ packets: sent, seconds: (performance.now() - start) / 1000 }))
}

if (mode === 'count') count(Number(args[0]))
else if (mode === 'send')
  await send(args[0]!, Number(args[1]), Number(args[2] ?? 400_000), Number(args[3] ?? 36))
else throw new Error('count SECONDS | send ADDRESS SECONDS [packets a second] [octets]')
native.closeIo(instance)
