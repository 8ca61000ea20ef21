import { type Drop, type IkeSpi, instant, isDrop, millis } from '@brunel/base'
import {
  ENCRYPTIONS,
  type Encryption,
  INTEGRITIES,
  type Integrity,
  type SkCipher,
  systemCryptography,
} from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import {
  emitFragments,
  FRAGMENT_OCTETS_MOST,
  FRAGMENTS_MOST,
  messageRoom,
  needsFragments,
  Reassembly,
  triggersAnswer,
} from './fragments.js'

const header = {
  spiInitiator: '0102030405060708' as IkeSpi,
  spiResponder: '1112131415161718' as IkeSpi,
  exchangeType: 35,
  initiator: true,
  response: false,
  messageId: 1,
}
const gcm = (): SkCipher =>
  systemCryptography.skCipher(
    ENCRYPTIONS[0] as Encryption,
    new Uint8Array(20).fill(1),
    undefined,
    new Uint8Array(0),
  )
const cbc = (): SkCipher => {
  const e = ENCRYPTIONS.find(({ name }) => name === 'aes128') as Encryption
  return systemCryptography.skCipher(
    e,
    new Uint8Array(16).fill(1),
    INTEGRITIES[0] as Integrity,
    new Uint8Array(32).fill(2),
  )
}
const chain = (length: number): Ike.Chain => ({ first: 35, bytes: Uint8Array.from({ length }, (_, i) => i) })
const skfOf = (message: Uint8Array): Ike.SkfPayload => {
  const parsed = Ike.parseMessage(message)
  if (isDrop(parsed)) throw new Error(parsed)
  return parsed.payloads[0] as Ike.SkfPayload
}
const reassembly = (): Reassembly => new Reassembly(instant(0), millis(30_000))
const feed = (to: Reassembly, message: Uint8Array, cipher: Ike.Opener) => {
  const skf = skfOf(message)
  return to.accept(skf, () => Ike.openSk(message, skf, cipher))
}

t.test('RFC 7383 §2.5.1: a datagram of 576 octets (IPv4) or 1280 (IPv6) leaves this room', async t => {
  t.equal(messageRoom(576, 4), 544)
  t.equal(messageRoom(1280, 6), 1228)
})

for (const [name, make] of [
  ['AES-GCM', gcm],
  ['AES-CBC', cbc],
] as const) {
  t.test(
    `RFC 7383 §2.5: with ${name}, fragments fit the room and make the message whole in any order`,
    async t => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1, max: 4000 }),
          fc.integer({ min: 200, max: 1300 }),
          fc.nat(),
          (length, room, turn) => {
            const [cipher, inside] = [make(), chain(length)]
            const messages = emitFragments(header, inside, cipher, { room, moreThan: 0 })
            if (messages.length > FRAGMENTS_MOST) return true
            const to = reassembly()
            const steps = messages.map((_, i) =>
              feed(to, messages[(i * 7 + turn) % messages.length] as Uint8Array, cipher),
            )
            if (messages.length % 7 === 0) return true // the walk above would repeat fragments
            const last = steps.at(-1)
            t.ok(messages.every(m => m.length <= room))
            t.same(last?.is === 'complete' && last.inside, inside)
            return steps.slice(0, -1).every(({ is }) => is === 'waiting')
          },
        ),
        { numRuns: 60 },
      )
    },
  )

  t.test(`RFC 7383 §2.5.1: with ${name}, a message is cut only where it does not fit`, async t => {
    const cipher = make()
    for (const length of [1, 100, 500, 515, 520, 530, 1000]) {
      const whole = Ike.emitProtected(header, chain(length), cipher)
      t.equal(needsFragments(chain(length), cipher, 544), whole.length > 544, `${length} octets`)
    }
  })
}

t.test(
  'RFC 7383 §2.5: numbers run from 1 to Total, the first inner type is in fragment 1, 0 in the others, the header is the same',
  async t => {
    const messages = emitFragments(header, chain(1000), gcm(), { room: 400, moreThan: 0 })
    t.same(
      messages.map(m => [skfOf(m).number, skfOf(m).total, skfOf(m).first]),
      [
        [1, 3, 35],
        [2, 3, 0],
        [3, 3, 0],
      ],
    )
    for (const message of messages) {
      const parsed = Ike.parseMessage(message) as Ike.Message
      t.match(parsed.header, header)
      t.equal(parsed.header.nextPayload, Ike.PAYLOAD.SKF)
      t.equal(parsed.payloads.length, 1, 'SKF is the last payload')
    }
  },
)

t.test('RFC 7383 §2.5.2: a smaller size makes strictly more fragments', async t => {
  const total = (room: number, moreThan: number): number =>
    emitFragments(header, chain(1000), gcm(), { room, moreThan }).length
  t.equal(total(400, 0), 3)
  t.equal(total(390, 3), 4)
  t.equal(total(400, 7), 8)
})

t.test('RFC 7383 §2.6: nothing is kept before the ICV of its fragment is good', async t => {
  const [cipher, to] = [gcm(), reassembly()]
  const [one, two] = emitFragments(header, chain(600), cipher, { room: 400, moreThan: 0 }) as [
    Uint8Array,
    Uint8Array,
  ]
  const forged = Uint8Array.from(one)
  forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1
  t.same(feed(to, forged, cipher), { is: 'refused', drop: 'ike-integrity' })
  t.same(feed(to, two, cipher), { is: 'waiting' })
  t.match(feed(to, one, cipher), { is: 'complete' })
})

const opened = (length: number) => (): Uint8Array => new Uint8Array(length)
const skf = (number: number, total: number): Ike.SkfPayload => ({
  type: 'SKF',
  first: 0,
  number,
  total,
  body: new Uint8Array(0),
  at: 36,
})
const unopened = (): Drop => {
  throw new Error('its ICV was computed')
}

t.test('RFC 7383 §2.6: a duplicate is dropped before its ICV is computed', async t => {
  const to = reassembly()
  to.accept(skf(1, 3), opened(10))
  t.same(to.accept(skf(1, 3), unopened), { is: 'refused', drop: 'ike-fragment' })
})

t.test('RFC 7383 §2.6: a higher Total replaces what came, a lower one is ignored', async t => {
  const to = reassembly()
  to.accept(skf(1, 2), opened(10))
  t.same(to.accept(skf(1, 3), opened(7)), { is: 'waiting' })
  t.same(to.accept(skf(2, 2), unopened), { is: 'refused', drop: 'ike-fragment' }, 'superseded')
  t.same(to.accept(skf(2, 3), opened(7)), { is: 'waiting' }, 'number 1 of the old Total does not count')
  const done = to.accept(skf(3, 3), opened(7))
  t.equal(done.is === 'complete' && done.inside.bytes.length, 21)
})

t.test('RFC 7383 §2.6: a forged higher Total replaces nothing', async t => {
  const to = reassembly()
  to.accept(skf(1, 2), opened(10))
  t.same(
    to.accept(skf(1, 3), () => 'ike-integrity'),
    { is: 'refused', drop: 'ike-integrity' },
  )
  t.match(to.accept(skf(2, 2), opened(10)), { is: 'complete' })
})

t.test('RFC 7383 §2.6: memory is bounded, by fragments and by octets', async t => {
  t.same(reassembly().accept(skf(1, FRAGMENTS_MOST + 1), unopened), { is: 'refused', drop: 'ike-fragment' })
  const to = reassembly()
  t.same(to.accept(skf(1, 2), opened(FRAGMENT_OCTETS_MOST)), { is: 'waiting' })
  t.same(to.accept(skf(2, 2), opened(1)), { is: 'refused', drop: 'ike-fragment' })
})

t.test('RFC 7383 §2.6: an incomplete message has a deadline', async t => {
  t.equal(reassembly().deadline, 30_000)
})

t.test('RFC 7383 §2.6.1: only fragment 1 of a repeated request makes the answer be sent again', async t => {
  t.ok(triggersAnswer(skf(1, 3)))
  t.notOk(triggersAnswer(skf(2, 3)))
  t.notOk(triggersAnswer(skf(3, 3)))
})
