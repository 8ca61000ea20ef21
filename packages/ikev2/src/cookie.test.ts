import { type IkeSpi, instant, millis, type Random } from '@brunel/base'
import { systemCryptography } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import t from 'tap'
import { askedCookie, CookieSecrets, type CookieSubject, withCookie } from './cookie.js'

/** Secrets 1, 2, 3, …, so that each change of the secret shows. */
function secrets(): CookieSecrets {
  let drawn = 0
  const random = { bytes: (length: number) => new Uint8Array(length).fill(++drawn) } as Pick<
    Random,
    'bytes'
  > as Random
  return new CookieSecrets({ crypto: systemCryptography, random }, millis(60_000))
}
const subject: CookieSubject = {
  nonce: new Uint8Array(32).fill(7),
  address: '192.0.2.1',
  spiInitiator: '0102030405060708' as IkeSpi,
}

t.test(
  'RFC 7296 §2.6: a cookie of 1 to 64 octets is known again, without any state of the initiator',
  async t => {
    const jar = secrets()
    const cookie = jar.issue(instant(0), subject)
    t.ok(cookie.length >= 1 && cookie.length <= 64)
    t.ok(jar.isGood(instant(59_999), subject, cookie))
    t.same(jar.issue(instant(1000), subject), cookie, 'the same request gets the same cookie')
  },
)

for (const [what, other] of [
  ['Ni', { ...subject, nonce: new Uint8Array(32).fill(8) }],
  ['Ni of another length', { ...subject, nonce: new Uint8Array(31).fill(7) }],
  ['IPi', { ...subject, address: '192.0.2.2' }],
  ['IPi of the other family', { ...subject, address: '2001:db8::1' }],
  ['SPIi', { ...subject, spiInitiator: '0102030405060709' as IkeSpi }],
] as const)
  t.test(`RFC 7296 §2.6: a cookie is bound to ${what}`, async t => {
    const jar = secrets()
    t.notOk(jar.isGood(instant(0), other, jar.issue(instant(0), subject)))
  })

t.test('RFC 7296 §2.6: the secret changes; a cookie outlives one change, not two', async t => {
  const jar = secrets()
  const cookie = jar.issue(instant(0), subject)
  t.notSame(jar.issue(instant(60_000), subject), cookie)
  t.ok(jar.isGood(instant(119_999), subject, cookie))
  t.notOk(jar.isGood(instant(120_000), subject, cookie))
})

t.test('RFC 7296 §2.6: after a long silence the old secret is gone at once', async t => {
  const jar = secrets()
  const cookie = jar.issue(instant(0), subject)
  t.notOk(jar.isGood(instant(500_000), subject, cookie))
})

t.test('RFC 7296 §2.6: a wrong, cut or foreign cookie is as good as none', async t => {
  const jar = secrets()
  const cookie = jar.issue(instant(0), subject)
  t.notOk(jar.isGood(instant(0), subject, new Uint8Array(0)))
  t.notOk(jar.isGood(instant(0), subject, cookie.subarray(0, -1)))
  for (let i = 0; i < cookie.length; i++)
    t.notOk(
      jar.isGood(
        instant(0),
        subject,
        Uint8Array.from(cookie, (o, at) => (at === i ? o ^ 1 : o)),
      ),
      `octet ${i}`,
    )
})

t.test('RFC 7296 §2.6: versions of the secret come round after 256 changes', async t => {
  const jar = secrets()
  for (let change = 0; change < 600; change++) {
    const now = instant(change * 60_000)
    const cookie = jar.issue(now, subject)
    t.ok(jar.isGood(now, subject, cookie))
    t.ok(jar.isGood(instant(change * 60_000 + 60_000), subject, cookie))
  }
})

const request: Ike.PlainPayload[] = [
  { type: 'SA', proposals: [] },
  { type: 'NONCE', data: new Uint8Array(32) },
  Ike.notify(Ike.NOTIFY.NAT_DETECTION_SOURCE_IP),
]

t.test('RFC 7296 §2.6: the request is repeated with COOKIE first and all else unchanged', async t => {
  const once = withCookie(request, Uint8Array.of(1))
  t.same(once, [Ike.notify(Ike.NOTIFY.COOKIE, Uint8Array.of(1)), ...request])
  t.same(
    withCookie(once, Uint8Array.of(2)),
    [Ike.notify(Ike.NOTIFY.COOKIE, Uint8Array.of(2)), ...request],
    'a newer cookie replaces it',
  )
})

t.test('RFC 7296 §2.6: a cookie that is asked back has 1 to 64 octets', async t => {
  const asked = (length: number) =>
    askedCookie([Ike.notify(Ike.NOTIFY.COOKIE, new Uint8Array(length).fill(5))])
  t.equal(asked(0), undefined)
  t.equal(asked(1)?.length, 1)
  t.equal(asked(64)?.length, 64)
  t.equal(asked(65), undefined)
  t.equal(askedCookie(request), undefined)
})
