import type { IkeSpi } from '@brunel/base'
import t from 'tap'
import { type Message, parseMessage } from './message.js'
import { concat, hex, unhex } from './octets.js'
import type { SkfPayload, SkPayload } from './payload.js'
import { emitPayloads } from './payloads.js'
import { emitFragment, emitProtected, type Opener, openProtected, openSk, type Sealer } from './protected.js'

const header = {
  spiInitiator: '0102030405060708' as IkeSpi,
  spiResponder: '1112131415161718' as IkeSpi,
  exchangeType: 37,
  initiator: false,
  response: true,
  messageId: 7,
}

/** IV aa, no encryption, "ICV" = sum of the associated octets and the plaintext. */
const sum = (...parts: Uint8Array[]): number => concat(...parts).reduce((a, b) => (a + b) & 0xff, 0)
const clear: Sealer & Opener = {
  overhead: () => 2,
  seal: (associated, plaintext) =>
    concat(Uint8Array.of(0xaa), plaintext, Uint8Array.of(sum(associated, plaintext))),
  open: (associated, body) => {
    const plaintext = body.subarray(1, -1)
    return body.at(-1) === sum(associated, plaintext) ? plaintext : 'ike-integrity'
  },
}
const skOf = (message: Uint8Array): SkPayload =>
  (parseMessage(message) as Message).payloads.at(-1) as SkPayload

t.test('RFC 7296 §3.14: a protected message, both ways; lengths are final before it is sealed', async t => {
  const message = emitProtected(header, emitPayloads([{ type: 'D', protocol: 1, spis: [] }]), clear)
  t.equal(
    hex(message.subarray(0, -1)),
    '0102030405060708 1112131415161718 2e 20 25 20 00000007 0000002a 2a00000e aa 0000000801000000'.replaceAll(
      ' ',
      '',
    ),
  )
  t.match(skOf(message), { type: 'SK', first: 42, at: 32 })
  t.same(openProtected(message, skOf(message), clear), [{ type: 'D', protocol: 1, spis: [] }])
})

t.test('RFC 7296 §1.4: a protected message with nothing inside', async t => {
  const message = emitProtected(header, emitPayloads([]), clear)
  t.equal(skOf(message).first, 0)
  t.same(openProtected(message, skOf(message), clear), [])
})

t.test('RFC 5282 §5.1: the associated data reaches from the IKE header to the SK generic header', async t => {
  const message = emitProtected(header, emitPayloads([]), clear)
  for (let i = 0; i < 32; i++) {
    const bent = Uint8Array.from(message, (octet, at) => (at === i ? octet ^ 1 : octet))
    t.equal(openProtected(bent, skOf(message), clear), 'ike-integrity', `octet ${i}`)
  }
})

t.test('RFC 7296 §3.14: the ICV is judged before anything inside is parsed', async t => {
  const inside = { first: 40, bytes: unhex('00000003') }
  const message = emitProtected(header, inside, clear)
  t.equal(openProtected(message, skOf(message), clear), 'ike-truncated', 'authentic and malformed')
  message[message.length - 1] = (message[message.length - 1] as number) ^ 1
  t.equal(openProtected(message, skOf(message), clear), 'ike-integrity')
})

t.test('RFC 7296 §3.14: SK is last, and never inside SK', async t => {
  const message = emitProtected(header, { first: 46, bytes: unhex('00000005aa') }, clear)
  t.equal(openProtected(message, skOf(message), clear), 'ike-payload')
  const followed = concat(message, unhex('00000004'))
  followed[27] = followed.length
  t.equal(parseMessage(followed), 'ike-length')
})

t.test('RFC 7383 §2.5: a fragment, both ways; its numbers are associated data', async t => {
  const message = emitFragment(header, { number: 2, total: 3, first: 0, bytes: unhex('c0ffee') }, clear)
  t.equal(
    hex(message.subarray(16, -1)),
    '35 20 25 20 00000007 00000029 0000000d 0002 0003 aa c0ffee'.replaceAll(' ', ''),
  )
  const skf = (parseMessage(message) as Message).payloads[0] as SkfPayload
  t.match(skf, { type: 'SKF', first: 0, number: 2, total: 3, at: 36 })
  t.equal(hex(openSk(message, skf, clear) as Uint8Array), 'c0ffee')
  const bent = Uint8Array.from(message, (octet, at) => (at === 35 ? 4 : octet))
  t.equal(openSk(bent, skf, clear), 'ike-integrity')
})
