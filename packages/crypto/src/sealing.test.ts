import fc from 'fast-check'
import t from 'tap'
import { hashToken, isToken, newSealingKey, newToken, openSecret, sealSecret } from './sealing.js'

const text = (s: string): Uint8Array => new TextEncoder().encode(s)

t.test('a sealed secret opens with its key and context, and with nothing else', async t => {
  const [key, other] = [newSealingKey(), newSealingKey()]
  const sealed = sealSecret(key, text('hunter2'), 'peer a psk')
  t.same(openSecret(key, sealed, 'peer a psk'), text('hunter2'))
  t.equal(openSecret(key, sealed, 'peer b psk'), undefined, 'another row')
  t.equal(openSecret(other, sealed, 'peer a psk'), undefined, 'another key')
  for (let i = 0; i < sealed.length; i++) {
    const bent = Uint8Array.from(sealed, (octet, at) => (at === i ? octet ^ 1 : octet))
    t.equal(openSecret(key, bent, 'peer a psk'), undefined, `octet ${i}`)
    t.equal(openSecret(key, sealed.subarray(0, i), 'peer a psk'), undefined, `cut to ${i}`)
  }
})

t.test('the same secret sealed twice looks different, and nothing of it shows', async () => {
  const key = newSealingKey()
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.string(), (secret, context) => {
      const [a, b] = [sealSecret(key, secret, context), sealSecret(key, secret, context)]
      return (
        Buffer.compare(a, b) !== 0 && Buffer.compare(openSecret(key, a, context) as Uint8Array, secret) === 0
      )
    }),
    { numRuns: 50 },
  )
})

t.test('a token is known by its hash', async t => {
  const [a, b] = [newToken(), newToken()]
  t.not(a, b)
  t.match(a, /^[\w-]{43}$/)
  t.ok(isToken(a, hashToken(a)))
  t.notOk(isToken(b, hashToken(a)))
  t.notOk(isToken(a, new Uint8Array(0)))
})
