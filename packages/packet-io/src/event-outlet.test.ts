import type { Drop } from '@brunel/base'
import type { DatapathEvent } from '@brunel/datapath'
import t from 'tap'
import { EventOutlet } from './event-outlet.js'

const END = { address: '192.0.2.1', port: 500 }
const EVENTS: readonly DatapathEvent[] = [
  { on: 'ike', bytes: Uint8Array.of(1), local: END, remote: END },
  { on: 'relay', tun: 0, packet: Uint8Array.of(2) },
  { on: 'too-big', remote: END, spi: 0, mtu: 1300 },
  { on: 'released', direction: 'inbound', sa: 1 },
]

for (const [waiting, left, lost] of [
  [511, ['ike', 'relay', 'too-big', 'released'], []],
  [512, ['ike', 'too-big', 'released'], ['relay-queue-full']],
  [1023, ['ike', 'too-big', 'released'], ['relay-queue-full']],
  [1024, ['too-big', 'released'], ['ike-queue-full', 'relay-queue-full']],
  [8192, ['released'], ['ike-queue-full', 'relay-queue-full']],
] as const) {
  t.test(`with ${waiting} events on their way leave ${left.join(', ')}`, async t => {
    const posted: string[] = []
    const drops: Drop[] = []
    const outlet = new EventOutlet({
      waiting: () => waiting,
      post: event => void posted.push(event.on),
      lost: drop => void drops.push(drop),
    })
    for (const event of EVENTS) outlet.emit(event)
    t.same([posted, drops], [left, lost])
  })
}

t.test('a view takes no more of its memory along than it shows', async t => {
  const posted: DatapathEvent[] = []
  const outlet = new EventOutlet({
    waiting: () => 0,
    post: event => void posted.push(event),
    lost: () => undefined,
  })
  outlet.emit({ on: 'relay', tun: 0, packet: new Uint8Array(4096).subarray(8, 16) })
  outlet.emit({ on: 'relay', tun: 0, packet: new Uint8Array(new SharedArrayBuffer(8)) })
  for (const event of posted) {
    const buffer = event.on === 'relay' ? event.packet.buffer : undefined
    t.ok(buffer instanceof ArrayBuffer)
    t.equal(buffer?.byteLength, 8)
  }
  t.equal(posted.length, 2)
})
