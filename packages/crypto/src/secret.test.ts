import { inspect } from 'node:util'
import t from 'tap'
import { equal, Secret, secretCopy, secretMemory, wipe } from './secret.js'

const PSK = 'correct horse battery staple'

t.test('a secret shows in no text, JSON, inspection or error', async t => {
  const secret = Secret.ofText(PSK)
  const holder = { name: 'branch-7', psk: secret }
  const shown = [
    String(secret),
    JSON.stringify(holder),
    inspect(holder, { depth: 9, showHidden: true }),
    inspect(new Error(`${secret}`, { cause: holder })),
    Object.entries(secret).join(),
  ].join('\n')
  t.notMatch(shown, PSK)
  t.notMatch(shown, Buffer.from(PSK).toString('hex'))
  t.match(shown, '[secret]')
})

t.test('RFC 7296 §2.15: the octets of a PSK are those of its text, without NUL, also beyond 64', async t => {
  for (const text of ['', 'x', PSK, 'y'.repeat(300)])
    t.same(Secret.ofText(text).expose(), new TextEncoder().encode(text), `${text.length} octets`)
})

t.test('a wiped secret is zeros and cannot be used', async t => {
  const secret = Secret.ofText(PSK)
  const memory = secret.expose()
  secret.wipe()
  t.ok(memory.every(octet => octet === 0))
  t.throws(() => secret.expose(), { name: 'Bug' })
})

t.test('secret memory is a copy, and a plain array', async t => {
  const source = Uint8Array.of(1, 2, 3)
  const copy = secretCopy(source)
  wipe(source)
  t.same(source, new Uint8Array(3))
  t.same(copy, Uint8Array.of(1, 2, 3))
  t.equal(copy.constructor, Uint8Array)
  t.equal(secretMemory(0).length, 0)
})

t.test('equal compares octets, and lengths first', async t => {
  t.ok(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 2)))
  t.ok(equal(new Uint8Array(0), new Uint8Array(0)))
  t.notOk(equal(Uint8Array.of(1, 2), Uint8Array.of(1, 3)))
  t.notOk(equal(Uint8Array.of(1, 2), Uint8Array.of(1)))
})
