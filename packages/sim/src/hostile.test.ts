import { instant } from '@brunel/base'
import t from 'tap'
import { Dice } from './dice.js'
import { HOSTILES, type HostileName } from './hostile.js'
import { type Datagram, Network } from './network.js'
import { VirtualTime } from './virtual-time.js'

const IKE_SA_INIT = 34

function message(exchange: number): Uint8Array {
  const bytes = new Uint8Array(60).fill(7)
  const view = new DataView(bytes.buffer)
  bytes.set([46, 0x20, exchange, 0x08], 16)
  view.setUint32(20, 3)
  view.setUint32(24, bytes.length)
  return bytes
}

/** What a hostile peer that acts on everything adds when it hears these datagrams. */
function heard(name: HostileName, datagrams: readonly Datagram[]): Datagram[] {
  const time = new VirtualTime()
  const network = new Network(time, new Dice(1))
  const added: Datagram[] = []
  const sent = new Set<Datagram>(datagrams)
  new HOSTILES[name]({ time, network, dice: new Dice(5) }, 1)
  network.tap((datagram, fate) => {
    if (fate === 'sent' && !sent.has(datagram)) added.push(datagram)
  })
  for (const datagram of datagrams) network.send(datagram)
  time.runUntil(instant(60_000))
  return added
}

const ends = { from: { address: '192.0.2.1', port: 500 }, to: { address: '198.51.100.1', port: 500 } }
const ike = (exchange: number): Datagram => ({ protocol: 17, ...ends, bytes: message(exchange) })
const esp: Datagram = { protocol: 50, ...ends, bytes: new Uint8Array(32).fill(3) }

t.test('the forger answers a request with an unprotected error in its own header', async t => {
  const [forged] = heard('forger', [ike(36)])
  t.same(forged?.from, ends.to)
  t.same(forged?.to, ends.from)
  t.same([...(forged?.bytes.subarray(0, 16) ?? [])], Array(16).fill(7), 'the SPIs')
  t.same([...(forged?.bytes.subarray(16, 20) ?? [])], [41, 0x20, 36, 0x20], 'a notify, a response')
  t.same(heard('forger', [esp]), [])
})

t.test('the hint forger answers IKE_SA_INIT alone', async t => {
  const [forged] = heard('hints', [ike(IKE_SA_INIT)])
  const type = Buffer.from(forged?.bytes ?? []).readUInt16BE(34)
  t.ok(type === 16390 || type === 17)
  t.same(heard('hints', [ike(36), esp]), [])
})

t.test('the replayer sends the same octets again, later', async t => {
  const replayed = heard('replayer', [ike(36), esp])
  t.equal(replayed.length, 2)
  t.same(replayed.map(d => d.bytes.length).sort(), [32, 60])
})

t.test('the mutilator never sends what it heard unchanged, and bends no IKE_SA_INIT', async t => {
  const datagrams = Array.from({ length: 100 }, () => ike(36))
  const bent = heard('mutilator', datagrams)
  t.equal(bent.length, 100)
  for (const { bytes } of bent) t.not(Buffer.compare(bytes, message(36)), 0)
  for (const { bytes } of heard(
    'mutilator',
    Array.from({ length: 50 }, () => ike(IKE_SA_INIT)),
  ))
    t.not(bytes.length, 60)
})

t.test('the babbler makes noise, half of it with SPIs that exist', async t => {
  const noise = heard(
    'babbler',
    Array.from({ length: 100 }, () => ike(36)),
  )
  t.ok(noise.length > 70)
  t.ok(noise.some(({ bytes }) => bytes.length > 28 && bytes.subarray(0, 16).every(octet => octet === 7)))
})
