import { existsSync, readFileSync } from 'node:fs'
import type { IkeSpi } from '@brunel/base'
import { isDrop } from '@brunel/base'
import t from 'tap'
import { NO_SPI } from './header.js'
import { emitMessage, type Message, parseMessage } from './message.js'
import { NOTIFY } from './notify.js'
import { hex, unhex } from './octets.js'
import { find, findNotify, notify, type PlainPayload } from './payload.js'

const PCAP = new URL('../../../../../../shared/vectors/pcap/ikev2four.pcap', import.meta.url)

/** The UDP payloads of a little-endian pcap of link type NULL and IPv4 without options. */
function* datagrams(file: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  for (let at = 24; at < file.length; ) {
    const length = view.getUint32(at + 8, true)
    yield file.subarray(at + 16 + 4 + 20 + 8, at + 16 + length)
    at += 16 + length
  }
}

t.test(
  'RFC 7296 §3: real exchanges, as another implementation sent them',
  { skip: existsSync(PCAP) ? false : `${PCAP.pathname.split('/').slice(-4).join('/')} is not there` },
  async t => {
    const messages = [...datagrams(new Uint8Array(readFileSync(PCAP)))].map(bytes => ({
      bytes,
      parsed: parseMessage(bytes),
    }))
    t.equal(messages.length, 21)
    for (const [i, { parsed }] of messages.entries()) t.notOk(isDrop(parsed), `message ${i + 1}`)
    const all = messages.map(m => m.parsed as Message)
    t.same(
      all.map(m => m.header.exchangeType),
      [34, 34, 34, 34, 35, 35, ...new Array(14).fill(36), 37],
    )
    t.same(
      all.map(m => m.header.messageId),
      [0, 0, 0, 0, 1, 1, 2, 3, 2, 3, 4, 5, 4, 5, 6, 7, 6, 7, 8, 8, 0],
    )
    t.same(
      (all[0] as Message).payloads.map(p => p.type),
      ['SA', 'KE', 'NONCE', 'N', 'N'],
    )
    t.equal((all[0] as Message).header.spiResponder, NO_SPI)
    const cookie = findNotify((all[1] as Message).payloads, NOTIFY.COOKIE)
    t.same(
      findNotify((all[2] as Message).payloads, NOTIFY.COOKIE)?.data,
      cookie?.data,
      'RFC 7296 §2.6: the cookie comes back',
    )
    t.match(find((all[3] as Message).payloads, 'SA'), { proposals: [{ number: 1, protocol: 1 }] })
    for (const m of all.slice(4)) t.match(m.payloads, [{ type: 'SK' }])
    for (const { bytes, parsed } of messages.slice(0, 4)) {
      const { header, payloads } = parsed as Message
      t.equal(
        hex(emitMessage(header, payloads as PlainPayload[])),
        hex(bytes),
        'and we would send the same octets',
      )
    }
  },
)

const header = {
  spiInitiator: '0102030405060708' as IkeSpi,
  spiResponder: NO_SPI,
  exchangeType: 34,
  initiator: true,
  response: false,
  messageId: 0,
}

t.test('RFC 7296 §3.1: a message in the clear, both ways', async t => {
  const bytes = emitMessage(header, [notify(NOTIFY.COOKIE, unhex('abcd')), { type: 'V', data: unhex('62') }])
  t.equal(
    hex(bytes),
    '0102030405060708 0000000000000000 29 20 22 08 00000000 0000002b 2b00000a 00004006 abcd 00000005 62'.replaceAll(
      ' ',
      '',
    ),
  )
  t.match(parseMessage(bytes), {
    header: { ...header, length: 43 },
    payloads: [{ type: 'N', notifyType: 16390 }, { type: 'V' }],
  })
})

t.test('RFC 7296 §3.1: a message without payloads', async t => {
  t.match(parseMessage(emitMessage(header, [])), { header: { nextPayload: 0, length: 28 }, payloads: [] })
})

t.test('RFC 7296 §2.5: the payloads of a higher major version are not looked at', async t => {
  const bytes = emitMessage(header, [notify(NOTIFY.COOKIE, unhex('abcd'))])
  bytes[17] = 0x30
  bytes[31] = 0xff
  t.match(parseMessage(bytes), { header: { majorVersion: 3 }, payloads: [] })
  bytes[17] = 0x20
  t.equal(parseMessage(bytes), 'ike-truncated')
})

t.test('RFC 7296 §2: messages of 1280 and 3000 octets are sent and read', async t => {
  for (const length of [1280, 3000, 65000]) {
    const bytes = emitMessage(header, [{ type: 'V', data: new Uint8Array(length - 32).fill(7) }])
    t.equal(bytes.length, length)
    t.notOk(isDrop(parseMessage(bytes)))
  }
  t.throws(() => emitMessage(header, [{ type: 'V', data: new Uint8Array(65532) }]), { name: 'Bug' })
})
