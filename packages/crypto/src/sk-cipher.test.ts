import { createCipheriv, createHmac } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { bytes, hexOf, octets, skipWithout, vectors, wycheproof } from '../test/vectors.js'
import type { SkCipher } from './cryptography.js'
import { cryptographyWith, systemCryptography } from './system-cryptography.js'
import { ENCRYPTIONS as ALL, type Encryption, INTEGRITIES, type Integrity } from './transforms.js'

/** RFC 8750 §8: not for IKE. */
const ENCRYPTIONS = ALL.filter(e => !e.implicitIv)
const encryptionOf = (name: string): Encryption => ENCRYPTIONS.find(e => e.name === name) as Encryption
const sha256 = INTEGRITIES[0] as Integrity
const NO_KEY = new Uint8Array(0)
const AAD = bytes('00112233445566778899aabbccddeeff')

const suites: readonly (readonly [Encryption, Integrity | undefined])[] = ENCRYPTIONS.flatMap(
  (e): (readonly [Encryption, Integrity | undefined])[] =>
    e.icvLength > 0 ? [[e, undefined]] : INTEGRITIES.map(i => [e, i]),
)
function cipherOf([e, i]: (typeof suites)[number], fill = 1): SkCipher {
  const key = new Uint8Array(e.keyLength + e.saltLength).fill(fill)
  return systemCryptography.skCipher(e, key, i, new Uint8Array(i?.keyLength ?? 0).fill(fill + 1))
}
const suiteText = ([e, i]: (typeof suites)[number]): string =>
  i === undefined ? e.name : `${e.name}-${i.name}`

for (const suite of suites) {
  t.test(`RFC 7296 §3.14: what ${suiteText(suite)} seals it opens, and it is as long as it said`, async t => {
    const [seal, open] = [cipherOf(suite), cipherOf(suite)]
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 70 }),
        fc.uint8Array({ maxLength: 40 }),
        (plaintext, associated) => {
          const body = seal.seal(associated, plaintext)
          return (
            body.length === plaintext.length + seal.overhead(plaintext.length) &&
            hexOf(octets(open.open(associated, body))) === hexOf(plaintext)
          )
        },
      ),
      { numRuns: 40 },
    )
    t.equal(octets(open.open(AAD, seal.seal(AAD, bytes('01')))).constructor, Uint8Array)
  })

  t.test(`RFC 7296 §3.14: any bit changed anywhere, ${suiteText(suite)} refuses it`, async t => {
    const cipher = cipherOf(suite)
    const body = cipher.seal(AAD, bytes('0102030405'))
    for (let bit = 0; bit < body.length * 8; bit += 5) {
      const bent = Uint8Array.from(body)
      bent[bit >> 3] = (bent[bit >> 3] as number) ^ (1 << (bit & 7))
      t.equal(cipher.open(AAD, bent), 'ike-integrity', `bit ${bit}`)
    }
    t.equal(cipher.open(AAD.subarray(1), body), 'ike-integrity', 'the associated data counts')
    t.equal(cipherOf(suite, 9).open(AAD, body), 'ike-integrity', 'the key counts')
    for (let length = 0; length < body.length; length++)
      t.equal(cipher.open(AAD, body.subarray(0, length)), 'ike-integrity', `cut to ${length}`)
  })

  t.test(`RFC 5282 §3.1, RFC 3602 §3: ${suiteText(suite)} never repeats an IV`, async t => {
    const cipher = cipherOf(suite)
    const ivs = Array.from({ length: 50 }, () =>
      hexOf(cipher.seal(AAD, NO_KEY).subarray(0, suite[0].ivLength)),
    )
    t.equal(new Set(ivs).size, ivs.length)
  })

  t.test(`RFC 7296 §2.12: ${suiteText(suite)} is not used after its keys are erased`, async t => {
    const cipher = cipherOf(suite)
    const body = cipher.seal(AAD, NO_KEY)
    cipher.wipe()
    t.throws(() => cipher.seal(AAD, NO_KEY), { name: 'Bug' })
    t.throws(() => cipher.open(AAD, body), { name: 'Bug' })
  })
}

t.test('RFC 8221 §4: nothing is encrypted without integrity', async t => {
  const e = encryptionOf('aes128')
  t.throws(() => systemCryptography.skCipher(e, new Uint8Array(16), undefined, NO_KEY), { name: 'Bug' })
})

t.test('a key of the wrong length is a fault of ours', async t => {
  for (const e of ENCRYPTIONS) {
    const integrity = e.icvLength > 0 ? undefined : sha256
    const make = (extra: number): SkCipher =>
      systemCryptography.skCipher(
        e,
        new Uint8Array(e.keyLength + e.saltLength + extra),
        integrity,
        new Uint8Array(32),
      )
    t.throws(() => make(1), { name: 'Bug' }, e.name)
    t.throws(() => make(-1), { name: 'Bug' }, e.name)
    t.doesNotThrow(() => make(0), e.name)
  }
})

t.test('the caller may erase its copy of the keys', async t => {
  const key = new Uint8Array(36).fill(1)
  const cipher = systemCryptography.skCipher(encryptionOf('aes256gcm16'), key, undefined, NO_KEY)
  key.fill(0)
  t.same(
    cipherOf([encryptionOf('aes256gcm16'), undefined]).open(AAD, cipher.seal(AAD, bytes('42'))),
    bytes('42'),
  )
})

interface Chacha {
  readonly esp: Record<'keymat' | 'iv' | 'aad' | 'plaintext' | 'ciphertext' | 'tag', string>
  readonly ike: Record<'keymat' | 'aad' | 'encryptedPayload' | 'notify', string>
}
const chacha = vectors<Chacha>('rfc7634-chacha20-poly1305')

t.test(
  'RFC 7634 §B, RFC 5282 §4, §5.1: the IKE example opens; its AAD ends with the SK generic header',
  async t => {
    const { ike } = chacha
    const cipher = systemCryptography.skCipher(
      encryptionOf('chacha20poly1305'),
      bytes(ike.keymat),
      undefined,
      NO_KEY,
    )
    t.equal(hexOf(octets(cipher.open(bytes(ike.aad), bytes(ike.encryptedPayload).subarray(4)))), ike.notify)
  },
)

t.test('RFC 7634 §A: the ESP example has the same nonce and tag', async t => {
  const { esp } = chacha
  const cipher = systemCryptography.skCipher(
    encryptionOf('chacha20poly1305'),
    bytes(esp.keymat),
    undefined,
    NO_KEY,
  )
  const body = bytes(esp.iv + esp.ciphertext + esp.tag)
  // Its last octet is a next header, 4, which SK would read as the pad length.
  t.equal(hexOf(octets(cipher.open(bytes(esp.aad), body))), esp.plaintext.slice(0, -10))
})

interface Cbc {
  readonly cases: readonly Record<'name' | 'key' | 'iv' | 'plaintext' | 'ciphertext', string>[]
}
for (const v of vectors<Cbc>('rfc3602-aes-cbc').cases)
  t.test(`RFC 3602 §4: ${v.name}`, async t => {
    const crypto = cryptographyWith({ bytes: () => bytes(v.iv) })
    const cipher = crypto.skCipher(encryptionOf('aes128'), bytes(v.key), sha256, new Uint8Array(32))
    const body = hexOf(cipher.seal(AAD, bytes(v.plaintext)))
    // The blocks of the example, then one of padding, then the ICV.
    t.equal(body.slice(0, 32 + v.ciphertext.length), v.iv + v.ciphertext)
    t.equal(hexOf(octets(cipher.open(AAD, bytes(body)))), v.plaintext)
  })

/** Seals with CBC and HMAC as a foreign implementation may: any padding. */
function foreignCbc(plaintextAndPadding: Uint8Array): Uint8Array {
  const iv = new Uint8Array(16).fill(5)
  const cipher = createCipheriv('aes-128-cbc', new Uint8Array(16).fill(1), iv).setAutoPadding(false)
  const covered = Buffer.concat([iv, cipher.update(plaintextAndPadding), cipher.final()])
  const icv = createHmac('sha256', new Uint8Array(32).fill(2))
    .update(AAD)
    .update(covered)
    .digest()
    .subarray(0, 16)
  return Uint8Array.from([...covered, ...icv])
}

t.test('RFC 7296 §3.14, RFC 5282 §3: any pad octets and any pad length that aligns are accepted', async t => {
  const cipher = cipherOf([encryptionOf('aes128'), sha256])
  const padded = (padLength: number, of: number): Uint8Array => {
    const whole = new Uint8Array(of).fill(0xcc)
    whole[of - 1] = padLength
    return whole
  }
  for (const [padLength, of] of [
    [0, 16],
    [15, 16],
    [3, 32],
    [31, 32],
    [255, 256],
  ] as const)
    t.equal(
      octets(cipher.open(AAD, foreignCbc(padded(padLength, of)))).length,
      of - padLength - 1,
      `${padLength} of ${of}`,
    )
  t.equal(cipher.open(AAD, foreignCbc(padded(16, 16))), 'ike-payload', 'more padding than there are octets')
  t.equal(
    cipher.open(AAD, foreignCbc(new Uint8Array(0))),
    'ike-payload',
    'authentic, but not even a pad length',
  )
})

for (const [file, name] of [
  ['aes_gcm', 'aes'],
  ['chacha20_poly1305', 'chacha20poly1305'],
] as const)
  t.test(`wycheproof: ${file} as SK bodies`, { skip: skipWithout(file) }, async t => {
    let compared = 0
    for (const group of wycheproof<Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag', string>>(file)
      .testGroups) {
      if (group.ivSize !== 96 || group.tagSize !== 128) continue
      for (const v of group.tests) {
        if (v.msg === '') continue // SK has at least a pad length
        const e = encryptionOf(name === 'aes' ? `aes${v.key.length * 4}gcm16` : name)
        const cipher = systemCryptography.skCipher(e, bytes(v.key + v.iv.slice(0, 8)), undefined, NO_KEY)
        const made = cipher.open(bytes(v.aad), bytes(v.iv.slice(8) + v.ct + v.tag))
        const padLength = Number.parseInt(v.msg.slice(-2), 16)
        const rest = v.msg.length / 2 - padLength - 1
        const want =
          v.result !== 'valid' ? 'ike-integrity' : rest < 0 ? 'ike-payload' : v.msg.slice(0, rest * 2)
        t.equal(typeof made === 'string' ? made : hexOf(made), want, `case ${v.tcId} ${v.comment}`)
        compared++
      }
    }
    t.ok(compared > 50)
  })
