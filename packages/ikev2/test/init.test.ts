import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { hand, NOTIFY, rewritten, say, tamper, textOf, up } from './forge.js'
import { Lab, type PeerChange } from './lab.js'
import { readableCryptography } from './wire-tap.js'

const COOKIE_FIRST = /^IKE_SA_INIT request 0 \{N\(COOKIE\), SA, KE, NONCE, N\(NAT/
const asking = (options: { settings?: object } = {}): Lab =>
  new Lab({ settings: { cookieThreshold: 0, ...options.settings } })

/** A's IKE_SA_INIT, which nobody got. */
function begun(change: Partial<PeerChange> = {}, lab = new Lab()): { lab: Lab; bytes: Uint8Array } {
  lab.rule = () => []
  lab.both(change)
  return { lab, bytes: lab.sent[0]?.bytes ?? new Uint8Array() }
}

const replyTo = (bytes: Uint8Array, payloads: readonly Wire.PlainPayload[], responder = Wire.NO_SPI) => {
  const header = Wire.parseHeader(bytes)
  if (typeof header === 'string') throw new Error(header)
  return Wire.emitMessage({ ...header, spiResponder: responder, initiator: false, response: true }, payloads)
}

t.test(
  'RFC 7296 §2.6: above the threshold a cookie is asked for, SPIr 0, without Diffie-Hellman',
  async t => {
    let pairs = 0
    const crypto: typeof readableCryptography = {
      ...readableCryptography,
      keyPair: group => {
        pairs++
        return readableCryptography.keyPair(group)
      },
    }
    const { lab, bytes } = begun({}, new Lab({ settings: { cookieThreshold: 0 }, crypto }))
    pairs = 0
    const [answer] = hand(lab, lab.b, bytes)
    t.equal(answer?.text, 'IKE_SA_INIT response 0 {N(COOKIE)}')
    t.same(answer?.bytes.slice(8, 16), new Uint8Array(8))
    const length = (answer?.bytes.length ?? 0) - 28 - 8
    t.ok(length >= 1 && length <= 64)
    t.equal(pairs, 0)
    t.equal(lab.b.ike.report('A')?.sas.length, 0, 'nothing is kept')
  },
)

t.test(
  'RFC 7296 §2.6: the request is repeated with the cookie first and all else unchanged, and succeeds',
  async t => {
    const lab = asking()
    lab.both()
    lab.run(1000)
    t.match(lab.sent[2]?.text, COOKIE_FIRST)
    const [first, second] = [lab.sent[0]?.bytes, lab.sent[2]?.bytes] as [Uint8Array, Uint8Array]
    const payload = 4 + 4 + ((lab.sent[1]?.bytes.length ?? 0) - 28 - 8)
    t.same(second.slice(28 + payload), first.slice(28))
    t.same(second.slice(0, 16), first.slice(0, 16))
    t.equal(lab.a.children.size, 1, 'AUTH covers the message with the cookie: RFC 7296 §2.15')
  },
)

for (const [title, spoil] of [
  ['wrong', (data: Uint8Array) => data.with(9, (data[9] as number) ^ 1)],
  ['of another length', (data: Uint8Array) => data.slice(0, 5)],
] as const) {
  t.test(`RFC 7296 §2.6: a cookie that is ${title} is as good as none: a new one is sent`, async t => {
    const lab = asking()
    tamper(lab, 'A IKE_SA_INIT request 0 {N(COOKIE)', bytes =>
      rewritten(bytes, payloads =>
        payloads.map(p =>
          p.type === 'N' && p.notifyType === NOTIFY.COOKIE ? { ...p, data: spoil(p.data) } : p,
        ),
      ),
    )
    lab.both()
    lab.run(5000)
    t.equal(lab.sent.filter(d => d.text === 'IKE_SA_INIT response 0 {N(COOKIE)}').length, 2)
    t.equal(lab.a.children.size, 1)
  })
}

t.test('RFC 7296 §2.6: a cookie is good only with the address it was given to', async t => {
  const { lab, bytes } = begun({}, asking())
  const [answer] = hand(lab, lab.b, bytes)
  const cookie = Wire.parseMessage(answer?.bytes ?? new Uint8Array())
  if (typeof cookie === 'string') return t.fail(cookie)
  const again = rewritten(bytes, payloads => [...(cookie.payloads as Wire.PlainPayload[]), ...payloads])
  const from = { address: '203.0.113.9', port: 500 }
  t.same(textOf(hand(lab, lab.b, again, from)), ['IKE_SA_INIT response 0 {N(COOKIE)}'])
  t.match(textOf(hand(lab, lab.b, again)), [/\{SA/])
})

t.test('RFC 7296 §2.6.1: cookie and another group converge, the cookie kept in the retry', async t => {
  const lab = asking()
  lab.both({ ike: ['aes256gcm16-prfsha384-x25519-ecp256'] }, { ike: ['aes256gcm16-prfsha384-ecp256'] })
  lab.run(1000)
  t.match(textOf(lab.sent.slice(0, 6)), [
    /^IKE_SA_INIT request 0 \{SA/,
    'IKE_SA_INIT response 0 {N(COOKIE)}',
    COOKIE_FIRST,
    'IKE_SA_INIT response 0 {N(INVALID_KE_PAYLOAD)}',
    COOKIE_FIRST,
    /^IKE_SA_INIT response 0 \{SA/,
  ])
  t.equal(lab.a.children.size, 1)
})

t.test('RFC 7296 §2.6: cookies without end: bounded, and the attempt fails', async t => {
  const { lab, bytes } = begun()
  let rounds = 0
  for (let i = 0; i < 50; i++) {
    const cookie = Wire.notify(NOTIFY.COOKIE, Uint8Array.of(i))
    rounds += hand(lab, lab.a, replyTo(bytes, [cookie])).length
  }
  t.ok(rounds <= 6, `${rounds}`)
})

t.test('RFC 7296 §1.2: INVALID_KE_PAYLOAD: the same full SA payload again with that group', async t => {
  const lab = new Lab()
  lab.both({ ike: ['aes256gcm16-prfsha384-x25519-ecp256'] }, { ike: ['aes256gcm16-prfsha384-ecp256'] })
  lab.run(1000)
  const offers = [lab.sent[0], lab.sent[2]].map(d => {
    const message = Wire.parseMessage(d?.bytes ?? new Uint8Array())
    if (typeof message === 'string') throw new Error(message)
    return [Wire.find(message.payloads, 'SA'), Wire.find(message.payloads, 'KE')?.group] as const
  })
  t.same(offers[1]?.[0], offers[0]?.[0])
  t.same([offers[0]?.[1], offers[1]?.[1]], [31, 19])
  t.equal(lab.a.children.size, 1)
})

t.test(
  'RFC 7296 §1.2, §2.21.1: a group that was not offered: no retry, and a good answer still counts',
  async t => {
    const lab = new Lab({ rule: d => (d.text.startsWith('IKE_SA_INIT response') ? [500] : undefined) })
    lab.both()
    const forged = replyTo(lab.sent[0]?.bytes ?? new Uint8Array(), [
      Wire.notify(NOTIFY.INVALID_KE_PAYLOAD, Wire.uint16(14)),
    ])
    t.same(hand(lab, lab.a, forged), [])
    lab.run(3000)
    t.equal(lab.a.children.size, 1)
  },
)

for (const type of [
  'NO_PROPOSAL_CHOSEN',
  'INVALID_SYNTAX',
  'AUTHENTICATION_FAILED',
  'INVALID_MAJOR_VERSION',
] as const) {
  t.test(`RFC 7296 §2.21.1: ${type} in IKE_SA_INIT is a hint: a good answer afterwards counts`, async t => {
    const lab = new Lab({ rule: d => (d.text.startsWith('IKE_SA_INIT response') ? [500] : undefined) })
    lab.both()
    const bytes = lab.sent[0]?.bytes ?? new Uint8Array()
    hand(lab, lab.a, replyTo(bytes, [Wire.notify(NOTIFY[type])]))
    hand(lab, lab.a, replyTo(bytes, [Wire.notify(NOTIFY[type])], '0102030405060708' as typeof Wire.NO_SPI))
    t.equal(lab.a.ike.report('B')?.state, 'connecting')
    lab.run(3000)
    t.equal(lab.a.children.size, 1)
  })
}

t.test('RFC 7296 §2.21.1: an answer that is nonsense does not end the attempt', async t => {
  const lab = new Lab({ rule: d => (d.text.startsWith('IKE_SA_INIT response') ? [500] : undefined) })
  lab.both()
  const bytes = lab.sent[0]?.bytes ?? new Uint8Array()
  const nonce: Wire.PlainPayload = { type: 'NONCE', data: new Uint8Array(32) }
  hand(lab, lab.a, replyTo(bytes, [nonce]))
  hand(lab, lab.a, replyTo(bytes, [nonce]).slice(0, 40))
  lab.run(3000)
  t.equal(lab.a.children.size, 1)
})

t.test('RFC 7296 §2.2: a repeated IKE_SA_INIT is Message ID 0 too; IKE_AUTH is 1', async t => {
  const lab = asking()
  lab.both()
  lab.run(1000)
  t.same(
    lab.sent.filter(d => d.sender === 'A').map(d => d.text.replace(/ \{.*/, '')),
    ['IKE_SA_INIT request 0', 'IKE_SA_INIT request 0', 'IKE_AUTH request 1'],
  )
})

t.test('RFC 7296 §2.10: nonces of 15 and 257 octets are refused, 16 and 256 taken', async t => {
  for (const [length, answers] of [
    [15, 0],
    [16, 1],
    [256, 1],
    [257, 0],
  ] as const) {
    const { lab, bytes } = begun()
    const changed = rewritten(bytes, payloads =>
      payloads.map(p => (p.type === 'NONCE' ? { ...p, data: new Uint8Array(length).fill(1) } : p)),
    )
    t.equal(textOf(hand(lab, lab.b, changed)).length, answers, `${length}`)
  }
})

t.test('RFC 6989 §2.5: a bad public value in IKE_SA_INIT: dropped, no answer', async t => {
  const { lab, bytes } = begun({ ike: ['aes256gcm16-prfsha384-ecp256'] })
  const bad = rewritten(bytes, payloads =>
    payloads.map(p => (p.type === 'KE' ? { ...p, data: p.data.with(40, (p.data[40] as number) ^ 1) } : p)),
  )
  t.same(hand(lab, lab.b, bad), [])
  t.match(lab.b.drops, [/^ike-key-exchange/])
})

t.test('RFC 7748 §6.1: an X25519 value that makes a secret of zeros: dropped', async t => {
  const { lab, bytes } = begun()
  const zero = rewritten(bytes, payloads =>
    payloads.map(p => (p.type === 'KE' ? { ...p, data: new Uint8Array(32) } : p)),
  )
  t.same(hand(lab, lab.b, zero), [])
  t.match(lab.b.drops, [/^ike-key-exchange/])
})

t.test('RFC 6989 §2.5: a bad public value later: INVALID_SYNTAX, and the IKE SA is gone', async t => {
  const lab = up()
  const spi = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const [answer] = say(
    lab,
    lab.a,
    [
      {
        type: 'SA',
        proposals: [
          {
            number: 1,
            protocol: 1,
            spi,
            transforms: [
              { type: 1, id: 20, attributes: [{ type: 14, value: 256 }] },
              { type: 2, id: 6, attributes: [] },
              { type: 4, id: 31, attributes: [] },
            ],
          },
        ],
      },
      { type: 'NONCE', data: new Uint8Array(32).fill(3) },
      { type: 'KE', group: 31, data: new Uint8Array(32) },
    ],
    { exchange: Wire.EXCHANGE.CREATE_CHILD_SA },
  )
  t.equal(answer?.text, 'CREATE_CHILD_SA response 2 {N(INVALID_SYNTAX)}')
  t.equal(lab.b.ike.report('A')?.sas.length, 0)
  t.equal(lab.b.children.size, 0)
})

t.test(
  'RFC 7296 §3.4, §1.3: a KE of a group that is not the chosen one: INVALID_KE_PAYLOAD with 2 octets',
  async t => {
    const { lab, bytes } = begun({ ike: ['aes256gcm16-prfsha384-x25519'] })
    const other = rewritten(bytes, payloads =>
      payloads.map(p => (p.type === 'KE' ? { ...p, group: 19, data: new Uint8Array(64) } : p)),
    )
    const [answer] = hand(lab, lab.b, other)
    t.equal(answer?.text, 'IKE_SA_INIT response 0 {N(INVALID_KE_PAYLOAD)}')
    t.same(answer?.bytes.slice(-2), Uint8Array.of(0, 31))
  },
)

t.test('RFC 7296 §2.6, §3.1: an initiator SPI of 0 is dropped', async t => {
  const { lab, bytes } = begun()
  t.same(hand(lab, lab.b, bytes.slice().fill(0, 0, 8)), [])
  t.match(lab.b.drops, [/^ike-spi/])
})

t.test('RFC 7296 §2.6: an error answer to IKE_SA_INIT counts whatever its responder SPI is', async t => {
  const { lab, bytes } = begun({ ike: ['aes256gcm16-prfsha384-x25519-ecp256'] })
  const group = Wire.notify(NOTIFY.INVALID_KE_PAYLOAD, Wire.uint16(19))
  const spi = '0102030405060708' as typeof Wire.NO_SPI
  t.match(textOf(hand(lab, lab.a, replyTo(bytes, [group], spi))), [/^IKE_SA_INIT request 0 \{SA/])
})

t.test('a stranger where no peer is configured, or all are down, is dropped and told nothing', async t => {
  const { lab, bytes } = begun()
  lab.feed(lab.b, { on: 'down', peer: 'A' })
  t.same(hand(lab, lab.b, bytes), [])
  lab.feed(lab.b, { on: 'peer-removed', peer: 'A' })
  t.same(hand(lab, lab.b, bytes), [])
  t.match(lab.b.drops, [/^ike-no-peer:/, /^ike-no-peer:/])
})

t.test(
  'RFC 7296 §2.6: half-open IKE SAs are bounded even where every cookie is good, and make room in time',
  async t => {
    const settings = { cookieThreshold: 1, halfOpenLimit: 2 }
    const { lab, bytes } = begun({}, new Lab({ settings }))
    /** The nth request of a stranger who receives at its address: he gives back the cookie. */
    const knock = (n: number): readonly string[] => {
      const request = bytes.with(0, n)
      const [answer] = hand(lab, lab.b, request)
      const message = Wire.parseMessage(answer?.bytes ?? new Uint8Array())
      if (typeof message === 'string' || !answer?.text.includes('COOKIE'))
        return textOf(answer ? [answer] : [])
      const cookie = message.payloads as readonly Wire.PlainPayload[]
      return textOf(
        hand(
          lab,
          lab.b,
          rewritten(request, payloads => [...cookie, ...payloads]),
        ),
      )
    }
    t.match([knock(1), knock(2)], [[/\{SA/], [/\{SA/]])
    t.same(knock(3), [])
    t.match(lab.b.drops, [/^ike-half-open-limit:/])
    lab.run(30_100)
    t.match(knock(4), [/\{SA/])
  },
)
