import type { Endpoint } from '@brunel/base'
import type { Certification, Cryptography } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import fc from 'fast-check'
import t from 'tap'
import { authority, certificateLab, routerCertificate, trusting } from './certificates.js'
import { hand, rewritten, textOf } from './forge.js'
import { type Datagram, Lab, type LabOptions, type PeerChange, peerFor, type Router } from './lab.js'
import { readableCryptography } from './wire-tap.js'

/** A's IKE_SA_INIT, which B never got; B answers whoever comes. */
function besieged(
  options: LabOptions = {},
  change: Partial<PeerChange> = {},
): { lab: Lab; bytes: Uint8Array } {
  const lab = new Lab({ ...options, rule: () => [] })
  lab.both(change)
  return { lab, bytes: lab.sent[0]?.bytes ?? new Uint8Array() }
}

const at = (address: string): Endpoint => ({ address, port: 500 })
/** The nth stranger's request: another SPI, the rest alike. */
const numbered = (bytes: Uint8Array, n: number): Uint8Array => bytes.with(0, n & 0xff).with(1, (n >> 8) | 1)
/** How many IKE SAs a router keeps, those that no peer has yet among them. */
const spisOf = ({ effects }: Router): number =>
  effects.reduce((n, effect) => n + (effect.do !== 'ike-spi' ? 0 : effect.ours ? 1 : -1), 0)
const ASKS = ['IKE_SA_INIT response 0 {N(COOKIE)}']

/** Gives the cookie back. */
function withCookieOf(answer: Datagram | undefined, request: Uint8Array): Uint8Array {
  const message = Wire.parseMessage(answer?.bytes ?? new Uint8Array())
  if (typeof message === 'string') throw new Error(message)
  const cookie = message.payloads as readonly Wire.PlainPayload[]
  return rewritten(request, payloads => [...cookie, ...payloads])
}

/** Counts all that costs: key pairs, KEMs, signatures. */
function counting(): { crypto: Cryptography; count: () => number } {
  let n = 0
  const counted = <F extends (...args: never[]) => unknown>(f: F): F =>
    ((...args: never[]) => {
      n++
      return f(...args)
    }) as F
  const crypto: Cryptography = {
    ...readableCryptography,
    keyPair: counted(readableCryptography.keyPair),
    encapsulate: counted(readableCryptography.encapsulate),
    skCipher: counted(readableCryptography.skCipher),
    prfPlus: counted(readableCryptography.prfPlus),
  }
  return { crypto, count: () => n }
}

t.test('RFC 7296 §2.6: before the cookie nothing is computed for strangers and nothing is kept', async t => {
  const { crypto, count } = counting()
  const { lab, bytes } = besieged({ crypto, settings: { cookieThreshold: 0 } })
  const before = count()
  for (let n = 0; n < 500; n++) {
    const forged = at(`198.51.${n >> 8}.${n & 255}`)
    t.same(textOf(hand(lab, lab.b, numbered(bytes, n), forged)), ASKS)
  }
  t.equal(count() - before, 0)
  t.equal(spisOf(lab.b), 0)
})

t.test(
  'RFC 7296 §2.6: forged addresses fill a share of their own, and a peer gets in beside them',
  async t => {
    const { crypto, count } = counting()
    const { lab, bytes } = besieged({ crypto })
    const before = count()
    for (let n = 0; n < 2000; n++) hand(lab, lab.b, numbered(bytes, n), at(`198.51.${n >> 8}.${n & 255}`))
    t.equal(spisOf(lab.b), 32, 'the threshold of all')
    t.ok(count() - before <= 4 * 32, 'and no more was computed for')
    lab.rule = () => [10]
    lab.feed(lab.a, { on: 'down', peer: 'B' })
    lab.feed(lab.a, { on: 'up', peer: 'B' })
    lab.run(1000)
    t.same([lab.a.children.size, lab.b.children.size], [1, 1])
  },
)

t.test('RFC 7296 §2.6: who forges the address of a peer does not keep it out', async t => {
  const { lab, bytes } = besieged()
  for (let n = 0; n < 500; n++) hand(lab, lab.b, numbered(bytes, n))
  t.equal(spisOf(lab.b), 8, 'of one address; then a cookie is asked for')
  t.match(textOf(hand(lab, lab.b, numbered(bytes, 600), at('198.51.100.1'))), [/\{SA/], 'of no other')
  lab.rule = () => [10]
  lab.feed(lab.a, { on: 'down', peer: 'B' })
  lab.feed(lab.a, { on: 'up', peer: 'B' })
  lab.run(1000)
  t.same([lab.a.children.size, lab.b.children.size], [1, 1])
})

for (const [what, address, neighbour, other] of [
  ['IPv4 address', '198.51.100.1', '198.51.100.1', '198.51.100.2'],
  ['IPv6 /64', '2001:db8:1:1::1', '2001:db8:1:1:ffff::9', '2001:db8:1:2::1'],
] as const)
  t.test(`half-open IKE SAs are limited for each ${what}, and make room in time`, async t => {
    const settings = { cookieThresholdPerAddress: 2, halfOpenPerAddress: 3, cookieThreshold: 100 }
    const { lab, bytes } = besieged({ settings })
    lab.feed(lab.b, {
      on: 'peer-set',
      peer: {
        ...peerFor(lab.b, lab.a, { initiate: false, remoteAddress: undefined }),
        localAddress: undefined,
      },
    })
    let n = 0
    const knock = (from: string): readonly string[] => {
      const request = numbered(bytes, ++n)
      const first = hand(lab, lab.b, request, at(from))
      if (first[0]?.text !== ASKS[0]) return textOf(first)
      return textOf(hand(lab, lab.b, withCookieOf(first[0], request), at(from)))
    }
    for (const from of [address, neighbour, address, neighbour, address]) t.match(knock(from), [/\{SA/])
    t.same(knock(neighbour), [], 'two without a cookie, three with one')
    t.match(lab.b.drops.at(-1), /^ike-half-open-limit: 3 half-open IKE SAs of this address/)
    t.match(knock(other), [/\{SA/])
    lab.run(30_100)
    t.match(knock(neighbour), [/\{SA/])
  })

t.test('proven strangers leave room in the table for those whose address is configured', async t => {
  const settings = { cookieThreshold: 0, halfOpenLimit: 4, halfOpenPerAddress: 100 }
  const { lab, bytes } = besieged({ settings })
  const knock = (n: number, from: string): readonly string[] => {
    const request = numbered(bytes, n)
    const [first] = hand(lab, lab.b, request, at(from))
    return textOf(hand(lab, lab.b, withCookieOf(first, request), at(from)))
  }
  for (const n of [1, 2, 3]) t.match(knock(n, `198.51.100.${n}`), [/\{SA/])
  t.same(knock(4, '198.51.100.4'), [])
  t.match(lab.b.drops.at(-1), /^ike-half-open-limit/)
  t.match(knock(5, lab.a.address), [/\{SA/])
  t.same(knock(6, lab.a.address), [], 'the limit of all')
})

/** A with a wrong key, trying again and again; B only answers. */
function guessing(settings: LabOptions['settings'] = {}): Lab {
  const lab = new Lab({ settings: { retryCap: 1000 as never, ...settings } })
  lab.both({ psk: 'guess' }, { psk: 'shield' })
  return lab
}
const limited = (lab: Lab): number => lab.b.drops.filter(drop => drop.startsWith('ike-auth-limit')).length
const judged = (lab: Lab): number =>
  lab.b.event('failed').filter(e => e.why.code.endsWith('WRONG_PSK')).length

t.test(
  'an address that fails to authenticate again and again is slowed down, and it is told once',
  async t => {
    const lab = guessing()
    lab.run(20_000)
    t.ok(judged(lab) >= 5, 'the first five are heard at once')
    const before = judged(lab)
    lab.run(120_000)
    const heard = judged(lab) - before
    t.ok(heard >= 6 && heard <= 10, `then one in ten seconds: ${heard} in a hundred`)
    t.ok(limited(lab) > 20, 'the others are dropped by name')
    const told = lab.b.event('failed').filter(e => e.why.code === 'BRUNEL_IKE_TOO_MANY_FAILURES')
    t.equal(told.length, 1)
    t.match(told[0], { peer: undefined, remote: { address: '192.0.2.1' }, why: { evidence: { times: '5' } } })
    t.equal(lab.b.ike.report('A')?.lastFailure?.code, 'BRUNEL_IKE_WRONG_PSK', 'the peer keeps the reason')
  },
)

t.test('who is slowed down and then mended is heard within the wait', async t => {
  const lab = guessing()
  lab.run(60_000)
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, { psk: 'shield' }) })
  lab.run(60_000 + 15_000)
  t.equal(lab.b.children.size, 1)
  const [heard, dropped] = [judged(lab), limited(lab)]
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, { psk: 'guess' }) })
  lab.run(60_000 + 18_000)
  t.ok(judged(lab) >= heard + 2, 'success made its failures forgotten')
  t.equal(limited(lab), dropped)
})

t.test('a change of the configuration here hears everybody at once', async t => {
  const lab = guessing()
  lab.run(60_000)
  const heard = judged(lab)
  while (judged(lab) === heard) lab.run(lab.now + 100) // its turn is over; the next is ten seconds away
  const dropped = limited(lab)
  lab.feed(lab.b, { on: 'peer-set', peer: peerFor(lab.b, lab.a, { psk: 'guess', initiate: false }) })
  lab.run(lab.now + 3_000)
  t.equal(lab.b.children.size, 1)
  t.equal(limited(lab), dropped)
})

t.test('forged requests of an address that is slowed down take no turn of it away', async t => {
  const lab = guessing()
  lab.run(60_000)
  const [first] = lab.sent
  for (let n = 0; n < 200; n++)
    t.same(textOf(hand(lab, lab.b, numbered(first?.bytes ?? new Uint8Array(), n))), ASKS)
  lab.feed(lab.a, { on: 'peer-set', peer: peerFor(lab.a, lab.b, { psk: 'shield' }) })
  lab.run(60_000 + 15_000)
  t.equal(lab.b.children.size, 1)
})

t.test('failures behind the NAT of an authenticated peer do not lock that peer out', async t => {
  const lab = new Lab()
  lab.both()
  lab.run(1000)
  const [stranger] = [new Lab({ seed: 77 })]
  stranger.both({ psk: 'guess' })
  // Another router at the same address: its messages reach B, and it gets the answers.
  stranger.rule = datagram => {
    if (datagram.sender !== 'A') return []
    for (const answer of hand(lab, lab.b, datagram.bytes)) stranger.deliver({ ...answer, from: answer.from })
    return []
  }
  const second = (): void => {
    stranger.run(stranger.now + 1000)
    lab.run(lab.now + 1000)
  }
  for (let s = 1; s <= 60; s++) second()
  const heard = judged(lab)
  t.ok(heard >= 5)
  while (judged(lab) === heard) second() // its turn is over; without a peer here the next would be ten seconds away
  t.same([lab.a.children.size, lab.b.children.size], [1, 1], 'the tunnel stands')
  const spi = lab.a.ike.report('B')?.sas[0]?.spiInitiator
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
  lab.run(lab.now + 500)
  t.not(lab.a.ike.report('B')?.sas[0]?.spiInitiator, spi, 'it is rekeyed')
  lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' })
  lab.run(lab.now + 3_000)
  t.equal(lab.b.event('ike-up').length, 2, 'and authenticated anew')
})

const ca = await authority()
const [certA, certB] = [
  await routerCertificate('a.example.net', ca),
  await routerCertificate('b.example.net', ca),
]

const GROUPS: readonly (readonly [number, number])[] = [
  [31, 32],
  [19, 64],
  [20, 96],
  [14, 256],
  [99, 8],
]
const notify = fc.constantFrom<Wire.PlainPayload>(
  Wire.notify(Wire.NOTIFY.IKEV2_FRAGMENTATION_SUPPORTED),
  Wire.notify(Wire.NOTIFY.INTERMEDIATE_EXCHANGE_SUPPORTED),
  Wire.notify(Wire.NOTIFY.SIGNATURE_HASH_ALGORITHMS, Uint8Array.of(0, 2)),
  Wire.notify(Wire.NOTIFY.COOKIE, new Uint8Array(33)),
  Wire.notify(Wire.NOTIFY.NAT_DETECTION_SOURCE_IP, new Uint8Array(20)),
)
/** IKE_SA_INIT as short as it can be, and then more. */
const request = fc
  .record({
    groups: fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }),
    ke: fc.nat(4),
    nonce: fc.integer({ min: 14, max: 40 }),
    more: fc.array(notify, { maxLength: 5 }),
    exchangeType: fc.constantFrom(34, 34, 34, 34, 35, 37, 99),
    version: fc.constantFrom(0x20, 0x20, 0x20, 0x30),
    critical: fc.boolean(),
    cut: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.nat(200)),
    responder: fc.constantFrom(Wire.NO_SPI, Wire.NO_SPI, '0102030405060708' as typeof Wire.NO_SPI),
  })
  .map(r => {
    const [group, length] = GROUPS[r.ke] as readonly [number, number]
    const transforms = [
      { type: 1, id: 20, attributes: [{ type: 14, value: 256 }] },
      { type: 2, id: 6, attributes: [] },
      ...r.groups.map(i => ({ type: 4, id: GROUPS[i]?.[0] ?? 0, attributes: [] })),
    ]
    const whole = Wire.emitMessage(
      {
        spiInitiator: '1122334455667788' as typeof Wire.NO_SPI,
        spiResponder: r.responder,
        exchangeType: r.exchangeType,
        initiator: true,
        response: false,
        messageId: 0,
      },
      [
        { type: 'SA', proposals: [{ number: 1, protocol: 1, spi: new Uint8Array(0), transforms }] },
        { type: 'KE', group, data: new Uint8Array(length).fill(9) },
        { type: 'NONCE', data: new Uint8Array(r.nonce).fill(7) },
        ...r.more,
      ],
    )
    const bytes = whole.slice(0, Math.max(28, whole.length - r.cut))
    bytes[17] = r.version
    if (r.critical && bytes.length > 40) [bytes[16], bytes[29]] = [200, 0x80]
    new DataView(bytes.buffer).setUint32(24, bytes.length)
    return bytes
  })

t.test('RFC 7296 §2.6: no answer to a stranger is longer than his message, whatever he sends', async t => {
  const change = {
    ike: ['aes256gcm16-prfsha384-x25519-ecp256-ecp384', 'aes256gcm16-prfsha384-modp2048'],
  }
  const seen = new Set<string>()
  const cases: readonly (() => Lab)[] = [
    () => besieged({}, change).lab,
    () => besieged({ settings: { cookieThreshold: 0, strangerBurst: 1e9 } }, change).lab,
    () =>
      certificateLab(
        { own: certA.own, theirs: trusting(ca, ca, ca) },
        { own: certB.own, theirs: trusting(ca, ca, ca) },
        { rule: () => [], change },
      ),
  ]
  for (const make of cases) {
    const lab = make()
    fc.assert(
      fc.property(fc.array(request, { minLength: 1, maxLength: 3 }), requests => {
        for (const [i, bytes] of requests.entries())
          for (const answer of hand(lab, lab.b, bytes, at(`198.51.100.${i}`))) {
            seen.add(answer.text)
            if (answer.bytes.length > bytes.length) throw new Error(`${answer.text} for ${bytes.length}`)
          }
        lab.run(lab.now + 31_000)
      }),
      { numRuns: 300 },
    )
  }
  const all = [...seen].join(' ')
  for (const kind of ['COOKIE', 'INVALID_KE_PAYLOAD', 'INVALID_IKE_SPI', 'INVALID_MAJOR_VERSION', '{SA'])
    t.match(all, kind, `${kind} was among the answers`)
})

t.test('what would be longer is a drop with a name', async t => {
  const { lab, bytes } = besieged()
  const bare = bytes.slice(0, 28)
  bare.set([0, 0x20, 37], 16)
  new DataView(bare.buffer).setUint32(24, 28)
  t.same(hand(lab, lab.b, bare), [])
  t.match(lab.b.drops.at(-1), /^ike-amplification: 36 octets for 28/)
})

t.test('RFC 7427 §3: nothing is signed and no certificate is looked at before the cookie', async t => {
  const lab = certificateLab(
    { own: certA.own, theirs: trusting(ca) },
    { own: certB.own, theirs: trusting(ca) },
    { rule: () => [], settings: { cookieThreshold: 0 } },
  )
  let used = 0
  const { certification } = lab.b.ike.ports
  for (const name of ['sign', 'certify', 'verify'] as const) {
    const real = (certification as Certification)[name] as (...args: never[]) => unknown
    Object.assign(certification as object, {
      [name]: (...args: never[]) => {
        used++
        return real(...args)
      },
    })
  }
  for (let n = 0; n < 50; n++) hand(lab, lab.b, numbered(lab.sent[0]?.bytes ?? new Uint8Array(), n))
  t.equal(used, 0)
})
