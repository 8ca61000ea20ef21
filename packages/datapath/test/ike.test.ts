import { type Endpoint, instant, Packet } from '@brunel/base'
import { SOCKET } from '@brunel/datapath'
import t from 'tap'
import { IkeIngress } from '../src/ike-ingress.js'
import { hex } from './packets.js'
import { HERE, Router, THERE } from './router.js'

const SPI_I = '1111111122222222'
const SPI_R = '3333333344444444'
const NONE = '0000000000000000'
const FLAGS = { request: '08', response: '20', initiatorResponse: '28', responderRequest: '00' }

interface Shape {
  readonly i?: string
  readonly r?: string
  readonly version?: string
  readonly exchange?: string
  readonly flags?: string
  readonly length?: string
  readonly body?: string
}

const message = (o: Shape = {}): Uint8Array => {
  const { i = SPI_I, r = NONE, version = '20', exchange = '22', flags = FLAGS.request, body = 'aabbccdd' } = o
  return hex(`${i}${r}21${version}${exchange}${flags}00000000${o.length ?? '00000020'}${body}`)
}
const established = (i: string, r: string, flags: string): Uint8Array =>
  message({ i, r, exchange: '25', flags })

const packet = (bytes: Uint8Array): Packet => new Packet(bytes)
const now = instant(0)

for (const [title, bytes, want] of [
  ['IKE_SA_INIT of a stranger', message(), undefined],
  ['RFC 7296 §3.1: shorter than the header', message().slice(0, 27), 'ike-truncated'],
  ['RFC 7296 §3.1: the length is less than the datagram', message({ length: '0000001c' }), 'ike-length'],
  ['RFC 7296 §3.1: the length is more than the datagram', message({ length: '00000021' }), 'ike-length'],
  ['RFC 7296 §2.5: IKEv1', message({ version: '10' }), 'ike-version'],
  ['RFC 7296 §2.5: a request of version 3, which wants an answer', message({ version: '30' }), undefined],
  [
    'RFC 7296 §2.5: a response of version 3',
    message({ version: '30', flags: FLAGS.response }),
    'ike-version',
  ],
  ['RFC 7296 §2.5: the minor version is ignored', message({ version: '2f' }), undefined],
  ['RFC 7296 §2.6: the initiator SPI is zero', message({ i: NONE }), 'ike-spi'],
] as const) {
  t.test(`${title}: ${want ?? 'goes up'}`, async t => {
    t.equal(new IkeIngress().admit(packet(bytes), now), want)
  })
}

/** How many of these go up at once. */
function burst(bytes: Uint8Array, spis: readonly string[] = []): number {
  const ingress = new IkeIngress()
  for (const spi of spis) ingress.know(spi, true)
  let up = 0
  for (let k = 0; k < 5000; k++) if (ingress.admit(packet(bytes), now) === undefined) up += 1
  return up
}

for (const [title, bytes, spis, want] of [
  ['IKE_SA_INIT of strangers', message(), [SPI_R], 256],
  ['IKE_SA_INIT with a responder SPI', message({ r: SPI_R }), [], 64],
  ['SPIs that nobody has', established(SPI_I, SPI_R, FLAGS.request), [], 64],
  ['what our peer, the initiator, asks', established(SPI_I, SPI_R, FLAGS.request), [SPI_R], 2048],
  ['what our peer, the responder, answers', established(SPI_I, SPI_R, FLAGS.response), [SPI_I], 2048],
  ['what our peer, the responder, asks', established(SPI_I, SPI_R, FLAGS.responderRequest), [SPI_I], 2048],
  [
    'what our peer, the initiator, answers',
    established(SPI_I, SPI_R, FLAGS.initiatorResponse),
    [SPI_R],
    2048,
  ],
  ['the answer to our IKE_SA_INIT', message({ r: SPI_R, flags: FLAGS.response }), [SPI_I], 2048],
  ['our SPI on the wrong side', established(SPI_I, SPI_R, FLAGS.request), [SPI_I], 64],
  ['half of our SPI', established(SPI_I, SPI_R, FLAGS.request), ['3333333344444445', '3333333444444444'], 64],
  [
    'one of two of ours that begin alike',
    established(SPI_I, SPI_R, FLAGS.request),
    ['3333333300000000', SPI_R],
    2048,
  ],
  ['IKE_SA_INIT of version 3', message({ version: '30' }), [], 64],
] as const) {
  t.test(`at once go up: ${title}: ${want}`, async t => {
    t.equal(burst(bytes, spis), want)
  })
}

t.test('a flood of strangers does not hold up our peers', async t => {
  const ingress = new IkeIngress()
  ingress.know(SPI_R, true)
  for (let k = 0; k < 5000; k++) {
    ingress.admit(packet(message()), now)
    ingress.admit(packet(established(SPI_I, '9999999999999999', FLAGS.request)), now)
  }
  t.equal(ingress.admit(packet(message()), now), 'ike-queue-full')
  t.equal(ingress.admit(packet(established(SPI_I, SPI_R, FLAGS.request)), now), undefined)
  t.equal(ingress.admit(packet(message()), instant(1)), undefined, '2,000 a second')
})

t.test('RFC 7296 §2.6: who gives a cookie back does not wait behind those who did not', async t => {
  const ingress = new IkeIngress()
  const short = message({ length: '00000022', body: '2100000c0000' })
  short[16] = 41
  const other = message({ length: '00000028', body: '2100000c00004004aabbccdd' })
  other[16] = 41
  const returning = message({ length: '00000028', body: '2100000c00004006aabbccdd' })
  returning[16] = 41
  for (let k = 0; k < 5000; k++) ingress.admit(packet(message()), now)
  t.equal(ingress.admit(packet(short), now), 'ike-queue-full')
  t.equal(ingress.admit(packet(other), now), 'ike-queue-full')
  let up = 0
  for (let k = 0; k < 5000; k++) if (ingress.admit(packet(returning), now) === undefined) up++
  t.equal(up, 256)
})

t.test('an SPI that is ours no longer is that of a stranger, and its neighbour stays', async t => {
  const ingress = new IkeIngress()
  for (const spi of ['3333333300000000', SPI_R, SPI_R]) ingress.know(spi, true)
  ingress.know(SPI_R, false)
  const up = (spi: string): number => {
    let n = 0
    for (let k = 0; k < 5000; k++)
      if (ingress.admit(packet(established(SPI_I, spi, FLAGS.request)), now) === undefined) n += 1
    return n
  }
  t.same([up(SPI_R), up('3333333300000000')], [64, 2048])
  ingress.know('3333333300000000', false)
  t.equal(up('3333333300000000'), 0, 'the bucket of strangers is empty by now')
})

t.test('RFC 9395 §2: beginnings of IKEv1 go up now and then, so that they can be told of', async t => {
  for (const [title, bytes, up] of [
    ['Main Mode', message({ version: '10', exchange: '02', flags: '00' }), 8],
    ['Aggressive Mode', message({ version: '10', exchange: '04', flags: '00' }), 8],
  ] as const)
    t.equal(burst(bytes), up, title)
  const ingress = new IkeIngress()
  const main = message({ version: '10', exchange: '02', flags: '00' })
  for (let k = 0; k < 8; k++) ingress.admit(packet(main), now)
  t.equal(ingress.admit(packet(main), now), 'ike-v1')
  for (const [title, other] of [
    ['a later message', message({ version: '10', exchange: '02', flags: '00', r: SPI_R })],
    ['another exchange', message({ version: '10', exchange: '05', flags: '00' })],
    ['another length', message({ version: '10', exchange: '02', length: '00000021' })],
  ] as const)
    t.equal(new IkeIngress().admit(packet(other), now), 'ike-version', title)
})

t.test('an IKE SPI that is none is a bug', async t => {
  t.throws(() => new IkeIngress().know('12', true))
})

const here500: Endpoint = { address: HERE.address, port: 500 }
for (const [title, socket, marker] of [
  ['on port 500', SOCKET.udp500, ''],
  ['RFC 3948 §2.2: on port 4500, the marker taken off', SOCKET.udp4500, '00000000'],
] as const) {
  t.test(`a message goes up ${title}, with both ends`, async t => {
    const router = new Router()
    const bytes = Uint8Array.of(...hex(marker), ...message())
    router.underlay.arriving.push({ socket, bytes, remote: THERE, local: here500, tos: 0 })
    t.same(router.receive([]), [])
    t.same(router.said('ike'), [{ on: 'ike', bytes: message(), local: here500, remote: THERE }])
    t.same(router.drops(), {})
    const [event] = router.said('ike')
    t.not(event?.bytes.buffer, router.inboundBatch.bytes.buffer, 'a copy: the batch is used again')
  })
}

t.test('RFC 3948 §2.2: on port 500 there is no marker: four zeros are an SPI', async t => {
  const router = new Router()
  router.receive([Uint8Array.of(0, 0, 0, 0, ...message())], { socket: SOCKET.udp500 })
  t.same(router.said('ike'), [])
  t.same(router.drops(), { 'ike-version': 1 })
})

t.test('IPv6 ends', async t => {
  const router = new Router()
  const remote = { address: '2001:db8::7', port: 1234 }
  const local = { address: '2001:db8::1', port: 500 }
  router.underlay.arriving.push({ socket: SOCKET.udp500, bytes: message(), remote, local, tos: 0 })
  router.receive([])
  t.same(router.said('ike'), [{ on: 'ike', bytes: message(), local, remote }])
})
