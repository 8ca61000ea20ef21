import { Batch, INBOUND_SHAPE, OUTBOUND_SHAPE, SOCKET } from '@brunel/datapath'
import { FakeClock, FakeSealer, FakeTun, FakeUnderlay } from '@brunel/datapath/fakes'
import t from 'tap'
import { sealerCompliance, tunCompliance, underlayCompliance } from './compliance.js'
import { HERE, THERE } from './router.js'

const slots = (): Batch =>
  new Batch(OUTBOUND_SHAPE, new ArrayBuffer(OUTBOUND_SHAPE.rows * OUTBOUND_SHAPE.slotLength))

t.test('the fake TUN', async t => {
  tunCompliance(t, async () => {
    const port = new FakeTun()
    port.refusing.add(4000)
    return {
      port,
      batch: slots(),
      tun: 2,
      hostSends: async bytes => void port.waiting.push({ tun: 2, bytes }),
      hostGot: async () => port.written.map(w => w.bytes),
    }
  })
})

t.test('the fake underlay', async t => {
  underlayCompliance(t, async () => {
    const port = new FakeUnderlay()
    port.refusing.add(60000)
    const from =
      (remote: typeof THERE) =>
      async (bytes: Uint8Array, tos = 0) =>
        void port.arriving.push({ socket: SOCKET.udp4500, bytes, remote, local: HERE, tos })
    return {
      port,
      inbound: new Batch(INBOUND_SHAPE, new ArrayBuffer(2 ** 16)),
      outbound: slots(),
      path: 1,
      socket: SOCKET.udp4500,
      remote: THERE,
      peerSends: from(THERE),
      strangerSends: from({ ...THERE, port: 61000 }),
      peerGot: async () => port.sent.map(s => s.bytes),
    }
  })
})

for (const [title, ivLength, esn] of [
  ['with ESN', 8, true],
  ['without ESN', 8, false],
  ['without an IV', 0, true],
] as const) {
  t.test(`the fake sealer ${title}`, async t => {
    sealerCompliance(t, async () => {
      const port = new FakeSealer(8 + ivLength, 16, esn)
      port.keys.set(1, 0x11).set(2, 0x22)
      return { port, batch: slots(), sas: [1, 2], ivLength, icvLength: 16, counterIv: true, esn }
    })
  })
}

t.test('the fake clock stands still until it is moved', async t => {
  const clock = new FakeClock()
  t.equal(clock.now(), 1000)
  clock.advance(5)
  t.equal(clock.now(), 1005)
})
