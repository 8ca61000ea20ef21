import fc from 'fast-check'
import t from 'tap'
import { bytes, hexOf, skipWithout, vectors, wycheproof } from '../test/vectors.js'
import { integrityCheck, prf, prfPlus, sha1 } from './prf.js'
import { INTEGRITIES, type Integrity, PRFS, type Prf } from './transforms.js'

type Hash = Prf['hash']
interface Hmac {
  readonly cases: readonly {
    readonly name: string
    readonly key: string
    readonly data: string
    readonly prf: Partial<Record<Hash, string>>
    readonly icv: Partial<Record<Hash, string>>
  }[]
}

const prfOf = (hash: string): Prf => PRFS.find(p => p.hash === hash) as Prf
const integrityOf = (hash: string): Integrity => INTEGRITIES.find(i => i.hash === hash) as Integrity

for (const { name, key, data, prf: prfs, icv } of vectors<Hmac>('rfc4868-hmac').cases) {
  t.test(`RFC 4868 §2.7, RFC 4231 §4: test case ${name}`, async t => {
    for (const [hash, want] of Object.entries(prfs))
      t.equal(hexOf(prf(prfOf(hash), bytes(key), bytes(data))), want, `PRF ${hash}`)
    for (const [hash, want] of Object.entries(icv))
      t.equal(hexOf(integrityCheck(integrityOf(hash), bytes(key), bytes(data))), want, `ICV ${hash}`)
  })
}

for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
  const file = `hmac_${hash}`
  t.test(`wycheproof: HMAC ${hash} of whole and truncated length`, { skip: skipWithout(file) }, async t => {
    let compared = 0
    for (const { tests, tagSize = 0 } of wycheproof<{ key: string; msg: string; tag: string }>(file)
      .testGroups) {
      for (const { tcId, key, msg, tag, result } of tests) {
        const made = hexOf(prf(prfOf(hash), bytes(key), bytes(msg)).subarray(0, tagSize / 8))
        t.equal(made === tag, result === 'valid', `case ${tcId}`)
        compared++
      }
    }
    t.ok(compared > 100)
  })
}

t.test('RFC 7296 §2.13: prf+ is T1 | T2 | …, each over the one before, the seed and its number', async t => {
  const [to, key, seed] = [PRFS[0] as Prf, bytes('aa'), bytes('0102')]
  const t1 = prf(to, key, seed, bytes('01'))
  const t2 = prf(to, key, t1, seed, bytes('02'))
  const t3 = prf(to, key, t2, seed, bytes('03'))
  t.equal(hexOf(prfPlus(to, key, seed, 96)), hexOf(t1) + hexOf(t2) + hexOf(t3))
  t.equal(hexOf(prfPlus(to, key, seed, 33)), hexOf(t1) + hexOf(t2).slice(0, 2))
})

t.test('RFC 7296 §2.13: a shorter prf+ is a prefix of a longer one, for every PRF', async t => {
  fc.assert(
    fc.property(
      fc.constantFrom(...PRFS),
      fc.uint8Array(),
      fc.uint8Array(),
      fc.nat(500),
      (to, key, seed, length) => {
        const long = prfPlus(to, key, seed, 600)
        return hexOf(long).startsWith(hexOf(prfPlus(to, key, seed, length)))
      },
    ),
    { numRuns: 50 },
  )
  t.throws(
    () => prfPlus(PRFS[0] as Prf, bytes('aa'), bytes('bb'), 255 * 32 + 1),
    { name: 'Bug' },
    '255 rounds at most',
  )
})

t.test('what is computed is a plain Uint8Array: slices of it are copies', async t => {
  for (const value of [
    prf(PRFS[0] as Prf, bytes('aa')),
    prfPlus(PRFS[0] as Prf, bytes('aa'), bytes('bb'), 40),
    sha1(),
  ]) {
    t.equal(value.constructor, Uint8Array)
    t.equal(value.byteOffset, 0)
  }
})

t.test('RFC 7296 §2.23: SHA-1 over the concatenation', async t => {
  t.equal(hexOf(sha1(bytes('61'), bytes('6263'))), 'a9993e364706816aba3e25717850c26c9cd0d89d')
})
