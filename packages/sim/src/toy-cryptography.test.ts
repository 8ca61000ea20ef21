import { isDrop } from '@brunel/base'
import { ENCRYPTIONS, GROUPS, INTEGRITIES, PRFS } from '@brunel/crypto'
import fc from 'fast-check'
import t from 'tap'
import { Dice } from './dice.js'
import { toyCryptography } from './toy-cryptography.js'
import { NonceLedger, Secrets, watchCryptography } from './watched-cryptography.js'

const toy = toyCryptography(new Dice(1))
const encryption = (name: string) => ENCRYPTIONS.find(e => e.name === name)!
const key = (fill: number, length = 36): Uint8Array => new Uint8Array(length).fill(fill)

for (const group of GROUPS) {
  t.test(`${group.name}: both ends agree, with the lengths of the real group`, async t => {
    const [a, b] = [toy.keyPair(group), toy.keyPair(group)]
    t.equal(a.publicValue.length, group.publicLength)
    t.same(a.agree(b.publicValue), b.agree(a.publicValue))
    t.equal((a.agree(b.publicValue) as Uint8Array).length, group.secretLength)
    t.ok(isDrop(a.agree(key(0x41, group.publicLength))))
    t.ok(isDrop(a.agree(b.publicValue.subarray(1))))
  })
}

for (const [cipher, integrity] of [
  [encryption('aes256gcm16'), undefined],
  [encryption('aes256'), INTEGRITIES[0]],
] as const) {
  t.test(`${cipher.name}: opens what it sealed and nothing else`, async t => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), (plaintext, flip) => {
        const seal = toy.skCipher(cipher, key(1), integrity, key(2))
        const open = toy.skCipher(cipher, key(1), integrity, key(2))
        const body = seal.seal(key(9), plaintext)
        t.equal(body.length, plaintext.length + seal.overhead(plaintext.length))
        t.same(open.open(key(9), body), plaintext)
        const wrong = body.slice()
        wrong[flip % wrong.length]! ^= 1 << (flip % 8)
        return isDrop(open.open(key(9), wrong)) && isDrop(open.open(key(8), body))
      }),
    )
    t.ok(
      isDrop(
        toy
          .skCipher(cipher, key(3), integrity, key(2))
          .open(key(9), toy.skCipher(cipher, key(1), integrity, key(2)).seal(key(9), key(5))),
      ),
    )
  })
}

t.test('prf sees one string of octets; its id, key and data all matter', async t => {
  const [sha256, sha384] = PRFS as [(typeof PRFS)[0], (typeof PRFS)[0]]
  const value = Buffer.from(toy.prf(sha256, key(1), key(2), key(3))).toString('hex')
  t.equal(
    value,
    Buffer.from(toy.prf(sha256, key(1), Uint8Array.from([...key(2), ...key(3)]))).toString('hex'),
  )
  t.equal(value.length, 64)
  t.not(value, Buffer.from(toy.prf(sha256, key(4), key(2), key(3))).toString('hex'))
  t.not(
    value,
    Buffer.from(toy.prf(sha384, key(1), key(2), key(3)))
      .toString('hex')
      .slice(0, 64),
  )
  t.equal(toy.prfPlus(sha256, key(1), key(2), 300).length, 300)
})

t.test('the watch tells secrets that were not wiped, and a key that two ciphers seal with', async t => {
  const violations: string[] = []
  const secrets = new Secrets()
  const watched = watchCryptography(toy, secrets, new NonceLedger(what => violations.push(what)))
  const pair = watched.keyPair(GROUPS[0]!)
  const keys = watched.prfPlus(PRFS[0]!, key(1), key(2), 40)
  const cipher = watched.skCipher(encryption('aes128gcm16'), key(1), undefined, key(0, 0))
  t.same(secrets.left(), ['1 key pairs not wiped', '1 ciphers not wiped', '1 of 1 derived secrets not wiped'])
  cipher.seal(key(0), key(0))
  cipher.seal(key(0), key(0))
  t.same(violations, [])
  watched.skCipher(encryption('aes128gcm16'), key(1), undefined, key(0, 0)).seal(key(0), key(0))
  t.equal(violations.length, 1)
  pair.wipe()
  cipher.wipe()
  watched.wipe(keys)
  t.same(secrets.left(), ['1 ciphers not wiped'])
})

t.test('an ESP nonce used twice is told', async t => {
  const violations: string[] = []
  const ledger = new NonceLedger(what => violations.push(what))
  for (const seq of [1, 2, 3]) ledger.esp('k', seq)
  ledger.esp('other', 1)
  t.same(violations, [])
  ledger.esp('k', 3)
  t.same(violations, ['ESP nonce 3 used again after 3 under one key'])
})
