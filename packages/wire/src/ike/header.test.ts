import type { IkeSpi } from '@brunel/base'
import t from 'tap'
import { emitHeader, HEADER_LENGTH, ikeSpi, NO_SPI, type OutgoingHeader, parseHeader } from './header.js'
import { hex, unhex } from './octets.js'

const HEADER: OutgoingHeader = {
  spiInitiator: '0102030405060708' as IkeSpi,
  spiResponder: '1112131415161718' as IkeSpi,
  exchangeType: 37,
  initiator: true,
  response: false,
  messageId: 0xfffffffe,
}
const WIRE = '0102030405060708 1112131415161718 2e 20 25 08 fffffffe 0000001c'.replaceAll(' ', '')

t.test('RFC 7296 §3.1: the header both ways, into a buffer that was not zero', async t => {
  const into = new Uint8Array(HEADER_LENGTH + 4).fill(0xa5)
  emitHeader(HEADER, 46, HEADER_LENGTH, into)
  t.equal(hex(into), `${WIRE}a5a5a5a5`, 'and not an octet more')
  t.same(parseHeader(unhex(WIRE)), {
    ...HEADER,
    nextPayload: 46,
    majorVersion: 2,
    minorVersion: 0,
    length: 28,
  })
})

for (const [initiator, response, flags] of [
  [false, false, 0x00],
  [true, false, 0x08],
  [false, true, 0x20],
  [true, true, 0x28],
] as const)
  t.test(`RFC 7296 §3.1: flags 0x${flags.toString(16)}`, async t => {
    const into = new Uint8Array(HEADER_LENGTH).fill(0xa5)
    emitHeader({ ...HEADER, initiator, response }, 0, HEADER_LENGTH, into)
    t.equal(into[19], flags, 'V and X bits are sent as 0')
    into[19] = flags | 0xd7
    t.match(parseHeader(into), { initiator, response }, 'and ignored on receipt: RFC 7296 §2.5')
  })

const bent = (at: number, ...octets: number[]): Uint8Array => {
  const bytes = unhex(WIRE)
  bytes.set(octets, at)
  return bytes
}
for (const [title, bytes, want] of [
  ['RFC 7296 §3.1: shorter than a header', unhex(WIRE).subarray(0, 27), 'ike-truncated'],
  ['RFC 7296 §3.1: nothing at all', new Uint8Array(0), 'ike-truncated'],
  ['RFC 7296 §3.1: length above that of the datagram', bent(24, 0, 0, 0, 29), 'ike-length'],
  ['RFC 7296 §3.1: length below that of the datagram', bent(24, 0, 0, 0, 27), 'ike-length'],
  ['RFC 7296 §3.1: length of more than 31 bits', bent(24, 0xff, 0xff, 0xff, 0xff), 'ike-length'],
  ['RFC 7296 §2.5: IKEv1', bent(17, 0x10), 'ike-version'],
  ['RFC 7296 §3.1: initiator SPI of 0', bent(0, 0, 0, 0, 0, 0, 0, 0, 0), 'ike-spi'],
] as const)
  t.test(`${title} is ${want}`, async t => t.equal(parseHeader(bytes), want))

t.test('RFC 7296 §2.5: a higher major version is shown to the caller, the minor version ignored', async t => {
  t.match(parseHeader(bent(17, 0x30)), {
    majorVersion: 3,
    spiInitiator: HEADER.spiInitiator,
    messageId: 0xfffffffe,
  })
  t.match(parseHeader(bent(17, 0x2f)), { majorVersion: 2, minorVersion: 15 })
})

t.test('an IKE SPI is 16 hex digits', async t => {
  t.equal(ikeSpi(new Uint8Array(8)), NO_SPI)
  t.throws(() => ikeSpi(new Uint8Array(7)), { name: 'Bug' })
})
