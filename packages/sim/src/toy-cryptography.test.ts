import { isDrop } from '@brunel/base'
import {
  type Cryptography,
  ENCRYPTIONS,
  type Encryption,
  GROUPS,
  INTEGRITIES,
  PRFS,
  type Prf,
  type SkCipher,
  systemCryptography,
} from '@brunel/crypto'
import fc from 'fast-check'
import t from 'tap'
import { Dice } from './dice.js'
import { toyCryptography } from './toy-cryptography.js'
import { NonceLedger, Secrets, watchCryptography } from './watched-cryptography.js'

const toy = toyCryptography(new Dice(1))
const encryption = (name: string): Encryption => ENCRYPTIONS.find(e => e.name === name)!
const key = (fill: number, length = 36): Uint8Array => new Uint8Array(length).fill(fill)
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const [sha256, sha384] = PRFS as [Prf, Prf]

/** What every `Cryptography` does, the real one and ours alike. */
function compliance(name: string, port: Cryptography): void {
  for (const group of GROUPS) {
    t.test(`${name}, ${group.name}: both ends agree, with the lengths of the group`, async t => {
      const [a, b] = [port.keyPair(group), port.keyPair(group)]
      t.equal(a.publicValue.length, group.publicLength)
      t.not(hex(a.publicValue), hex(b.publicValue))
      t.same(a.agree(b.publicValue), b.agree(a.publicValue))
      t.equal((a.agree(b.publicValue) as Uint8Array).length, group.secretLength)
      t.ok(isDrop(a.agree(b.publicValue.subarray(1))))
    })
  }

  for (const [cipher, integrity] of [
    [encryption('aes256gcm16'), undefined],
    [encryption('chacha20poly1305'), undefined],
    [encryption('aes256'), INTEGRITIES[0]],
  ] as const) {
    const made = (fill: number): SkCipher =>
      port.skCipher(
        cipher,
        key(fill, cipher.keyLength + cipher.saltLength),
        integrity,
        key(fill, integrity?.keyLength ?? 0), // AES-CBC alone opens to noise that now and then has good padding
      )
    t.test(`${name}, ${cipher.name}: opens what it sealed and nothing else`, async t => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 80 }), fc.nat(), (plaintext, flip) => {
          const [seal, open] = [made(1), made(1)]
          const body = seal.seal(key(9), plaintext)
          t.equal(body.length, plaintext.length + seal.overhead(plaintext.length))
          t.equal(hex(open.open(key(9), body) as Uint8Array), hex(plaintext))
          const wrong = body.slice()
          wrong[flip % wrong.length]! ^= 1 << (flip % 8)
          return isDrop(open.open(key(9), wrong)) && isDrop(open.open(key(8), body))
        }),
      )
      t.ok(isDrop(made(3).open(key(9), made(1).seal(key(9), key(5)))), 'another key')
      t.ok(isDrop(made(1).open(key(9), key(1, 3))), 'too short')
    })
  }

  t.test(`${name}: prf sees one string of octets; its id, key and data all matter`, async t => {
    const value = hex(port.prf(sha256, key(1), key(2), key(3)))
    t.equal(value, hex(port.prf(sha256, key(1), Uint8Array.from([...key(2), ...key(3)]))))
    t.equal(value.length, 64)
    t.not(value, hex(port.prf(sha256, key(4), key(2), key(3))))
    t.not(value, hex(port.prf(sha384, key(1), key(2), key(3))).slice(0, 64))
    t.equal(port.prfPlus(sha256, key(1), key(2), 300).length, 300)
    t.equal(
      hex(port.prfPlus(sha256, key(1), key(2), 300)).slice(0, 80),
      hex(port.prfPlus(sha256, key(1), key(2), 40)),
    )
    t.equal(port.sha1(key(1), key(2)).length, 20)
    t.ok(port.equal(key(1), key(1)) && !port.equal(key(1), key(2)) && !port.equal(key(1), key(1, 3)))
    const secret = key(7)
    port.wipe(secret)
    t.same(secret, key(0))
  })
}

compliance('toy', toy)
compliance('system', systemCryptography)

t.test('a public value that is not valid is a drop', async t => {
  for (const group of GROUPS) t.ok(isDrop(toy.keyPair(group).agree(key(0x41, group.publicLength))))
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
  t.same(violations, [
    'two ciphers seal with one IKE key, so their IVs repeat',
    'an IKE key seals twice with one IV',
  ])
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
