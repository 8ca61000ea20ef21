import { createHash } from 'node:crypto'
import type { IkeSpi } from '@brunel/base'
import { systemCryptography } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import t from 'tap'
import { detectNat, natHash, natNotifies } from './nat-detection.js'

const crypto = systemCryptography
const spis = { spiInitiator: '0102030405060708' as IkeSpi, spiResponder: Ike.NO_SPI }
const A = { address: '192.0.2.1', port: 500 }
const B = { address: '198.51.100.7', port: 4500 }
const SIX = { address: '2001:db8::1', port: 500 }
const OUTSIDE = { address: '203.0.113.9', port: 61000 }

const sha1 = (hexText: string): string => createHash('sha1').update(Ike.unhex(hexText)).digest('hex')

t.test(
  'RFC 7296 §2.23: the hash is SHA-1 of SPIi, SPIr (0 in the first message), address and port',
  async t => {
    t.equal(
      Ike.hex(natHash(crypto, spis, A)),
      sha1(`0102030405060708 0000000000000000 c0000201 01f4`.replaceAll(' ', '')),
    )
    t.equal(
      Ike.hex(natHash(crypto, { ...spis, spiResponder: '1112131415161718' as IkeSpi }, SIX)),
      sha1('0102030405060708111213141516171820010db800000000000000000000000101f4'),
    )
  },
)

t.test('RFC 7296 §2.23: a message carries its own source and destination', async t => {
  const [source, destination] = natNotifies(crypto, { ...spis, local: A, remote: B, force: false })
  t.match(source, { notifyType: 16388, data: natHash(crypto, spis, A) })
  t.match(destination, { notifyType: 16389, data: natHash(crypto, spis, B) })
})

/** A sends from `from` to `to`; B receives it at `at`, apparently from `seen`. */
for (const [title, path, want] of [
  ['no NAT', { from: A, to: B, at: B, seen: A }, { local: false, remote: false }],
  ['a NAT in front of the sender', { from: A, to: B, at: B, seen: OUTSIDE }, { local: false, remote: true }],
  [
    'only the port translated',
    { from: A, to: B, at: B, seen: { ...A, port: 1024 } },
    { local: false, remote: true },
  ],
  [
    'a NAT in front of the receiver',
    { from: A, to: OUTSIDE, at: B, seen: A },
    { local: true, remote: false },
  ],
  ['NATs on both sides', { from: A, to: OUTSIDE, at: B, seen: OUTSIDE }, { local: true, remote: true }],
] as const)
  t.test(`RFC 7296 §2.23: ${title} is found`, async t => {
    const payloads = natNotifies(crypto, { ...spis, local: path.from, remote: path.to, force: false })
    t.same(detectNat(crypto, payloads, { ...spis, local: path.at, remote: path.seen }), want)
  })

t.test('RFC 7296 §2.23: several sources may be sent; there is a NAT only if none matches', async t => {
  const [destination] = natNotifies(crypto, { ...spis, local: A, remote: B, force: false }).slice(1)
  const sources = [OUTSIDE, SIX, A].map(end =>
    Ike.notify(Ike.NOTIFY.NAT_DETECTION_SOURCE_IP, natHash(crypto, spis, end)),
  )
  const at = { ...spis, local: B, remote: A }
  t.match(detectNat(crypto, [...sources, destination as Ike.NotifyPayload], at), { remote: false })
  t.match(detectNat(crypto, [...sources.slice(0, 2), destination as Ike.NotifyPayload], at), { remote: true })
})

t.test('RFC 7296 §2.23: without either notify the peer does no NAT traversal', async t => {
  const both = natNotifies(crypto, { ...spis, local: A, remote: B, force: false })
  const at = { ...spis, local: B, remote: A }
  t.equal(detectNat(crypto, [], at), undefined)
  t.equal(detectNat(crypto, both.slice(0, 1), at), undefined)
  t.equal(detectNat(crypto, both.slice(1), at), undefined)
})

t.test('forced encapsulation makes the peer see a NAT in front of us', async t => {
  const payloads = natNotifies(crypto, { ...spis, local: A, remote: B, force: true })
  t.same(detectNat(crypto, payloads, { ...spis, local: B, remote: A }), { local: false, remote: true })
})
