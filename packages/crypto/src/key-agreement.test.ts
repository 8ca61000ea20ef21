import { createDiffieHellmanGroup } from 'node:crypto'
import t from 'tap'
import { bytes, hexOf, octets, skipWithout, vectors, wycheproof } from '../test/vectors.js'
import type { KeyPair } from './cryptography.js'
import { ecp, isInRange, keyPair, x25519 } from './key-agreement.js'
import { GROUPS, type Group } from './transforms.js'

const groupOf = (name: string): Group => GROUPS.find(g => g.name === name) as Group

for (const group of GROUPS) {
  t.test(`${group.name}: both ends agree, with values of the length that the group demands`, async t => {
    const [a, b] = [keyPair(group), keyPair(group)]
    t.equal(a.publicValue.length, group.publicLength, 'RFC 7296 §3.4')
    const [x, y] = [octets(a.agree(b.publicValue)), octets(b.agree(a.publicValue))]
    t.equal(x.length, group.secretLength, 'RFC 7296 §2.14')
    t.same(x, y)
    t.notSame(a.publicValue, b.publicValue)
    t.equal(x.constructor, Uint8Array)
    for (const wrong of [group.publicLength - 1, group.publicLength + 1, 0])
      t.equal(a.agree(new Uint8Array(wrong).fill(7)), 'ike-key-exchange', `a value of ${wrong} octets`)
  })

  t.test(`RFC 7296 §2.12: after wipe the private value of ${group.name} is not used again`, async t => {
    const [a, b] = [keyPair(group), keyPair(group)]
    a.wipe()
    t.throws(() => a.agree(b.publicValue), { name: 'Bug' })
  })
}

interface Ecp {
  readonly cases: readonly Record<
    | 'group'
    | 'privateInitiator'
    | 'privateResponder'
    | 'publicInitiator'
    | 'publicResponder'
    | 'secret'
    | 'kePayloadInitiator'
    | 'kePayloadResponder',
    string
  >[]
}
for (const v of vectors<Ecp>('rfc5903-ecp').cases) {
  t.test(`RFC 5903 §8, §7: ${v.group} gives x | y, padded, and the secret is x alone`, async t => {
    const group = groupOf(v.group)
    const [i, r] = [ecp(group, bytes(v.privateInitiator)), ecp(group, bytes(v.privateResponder))]
    t.equal(hexOf(i.publicValue), v.publicInitiator)
    t.equal(hexOf(r.publicValue), v.publicResponder)
    t.equal(hexOf(octets(i.agree(r.publicValue))), v.secret)
    t.equal(hexOf(octets(r.agree(i.publicValue))), v.secret)
    t.equal(v.kePayloadInitiator.slice(16), v.publicInitiator, 'what the KE payload carries')
  })
}

interface X25519 {
  readonly cases: readonly Record<
    'randomInitiator' | 'randomResponder' | 'publicInitiator' | 'publicResponder' | 'secret',
    string
  >[]
}
for (const v of vectors<X25519>('rfc8031-x25519').cases) {
  t.test('RFC 8031 §A: X25519', async t => {
    const group = groupOf('x25519')
    const [i, r] = [x25519(group, bytes(v.randomInitiator)), x25519(group, bytes(v.randomResponder))]
    t.equal(hexOf(i.publicValue), v.publicInitiator)
    t.equal(hexOf(r.publicValue), v.publicResponder)
    t.equal(hexOf(octets(i.agree(r.publicValue))), v.secret)
    t.equal(hexOf(octets(r.agree(i.publicValue))), v.secret)
  })
}

for (const name of ['modp2048', 'modp3072', 'modp4096']) {
  t.test(`RFC 6989 §2.1: ${name} takes 1 < y < p-1 and nothing else`, async t => {
    const group = groupOf(name)
    const prime = new Uint8Array(createDiffieHellmanGroup(`modp${group.id}`).getPrime())
    const small = (n: number): Uint8Array =>
      new Uint8Array(group.publicLength).fill(n, group.publicLength - 1)
    const less = (n: number): Uint8Array =>
      Uint8Array.from(prime, (o, i) => (i === prime.length - 1 ? o - n : o))
    const pair = keyPair(group)
    for (const [what, y] of [
      ['0', small(0)],
      ['1', small(1)],
      ['p-1', less(1)],
      ['p', prime],
    ] as const) {
      t.equal(pair.agree(y), 'ike-key-exchange', what)
      t.notOk(isInRange(y, prime), what)
    }
    t.equal(pair.agree(new Uint8Array(group.publicLength).fill(0xff)), 'ike-key-exchange', 'above p')
    t.equal(octets(pair.agree(small(2))).length, group.secretLength, '2')
    t.equal(octets(pair.agree(less(2))).length, group.secretLength, 'p-2')
  })
}

t.test('RFC 7296 §2.14: a MODP secret with leading zeros keeps the length of the modulus', async t => {
  // One public value of 256 begins with a zero octet; that none of 20,000 does will not happen.
  const group = groupOf('modp2048')
  const found = (): KeyPair => {
    for (let i = 0; i < 20_000; i++) {
      const pair = keyPair(group)
      if (pair.publicValue[0] === 0) return pair
    }
    throw new Error('no public value begins with a zero octet')
  }
  const pair = found()
  t.equal(pair.publicValue.length, 256)
  const two = new Uint8Array(256).fill(2, 255)
  t.same(
    octets(pair.agree(two)),
    pair.publicValue,
    'g = 2, so the secret with y = 2 is the public value itself',
  )
})

t.test('RFC 6989 §2.3: a point off the curve is refused', async t => {
  for (const name of ['ecp256', 'ecp384', 'ecp521']) {
    const pair = keyPair(groupOf(name))
    const bent = Uint8Array.from(keyPair(groupOf(name)).publicValue)
    bent[bent.length - 1] = (bent[bent.length - 1] as number) ^ 1
    t.equal(pair.agree(bent), 'ike-key-exchange', name)
    t.equal(pair.agree(new Uint8Array(bent.length)), 'ike-key-exchange', `${name}: (0, 0)`)
    t.equal(
      pair.agree(new Uint8Array(bent.length).fill(0xff)),
      'ike-key-exchange',
      `${name}: beyond the field`,
    )
  }
})

t.test(
  'RFC 8031 §3.2, RFC 7748 §6.1: X25519 with a low-order value gives all zeros and is refused; the top bit is masked',
  async t => {
    const pair = keyPair(groupOf('x25519'))
    for (const low of [
      '00'.repeat(32),
      `01${'00'.repeat(31)}`,
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      `ec${'ff'.repeat(30)}7f`,
    ])
      t.equal(pair.agree(bytes(low)), 'ike-key-exchange', low)
    const other = Uint8Array.from(keyPair(groupOf('x25519')).publicValue)
    const plain = octets(pair.agree(other))
    other[31] = (other[31] as number) | 0x80
    t.same(pair.agree(other), plain)
  },
)

t.test(
  'wycheproof: X25519, zero results refused and non-canonical values taken',
  { skip: skipWithout('x25519') },
  async t => {
    for (const { tests } of wycheproof<Record<'public' | 'private' | 'shared', string>>('x25519').testGroups)
      for (const v of tests) {
        const shared = x25519(groupOf('x25519'), bytes(v.private)).agree(bytes(v.public))
        const want = v.flags.includes('ZeroSharedSecret') ? 'ike-key-exchange' : v.shared
        t.equal(typeof shared === 'string' ? shared : hexOf(shared), want, `case ${v.tcId}`)
      }
  },
)

for (const [name, file] of [
  ['ecp256', 'ecdh_secp256r1_ecpoint'],
  ['ecp384', 'ecdh_secp384r1_ecpoint'],
] as const)
  t.test(`wycheproof: ${name}, uncompressed points only`, { skip: skipWithout(file) }, async t => {
    const group = groupOf(name)
    for (const { tests } of wycheproof<Record<'public' | 'private' | 'shared', string>>(file).testGroups)
      for (const v of tests) {
        const scalar = bytes(v.private)
        const d =
          scalar.length > group.secretLength ? scalar.subarray(scalar.length - group.secretLength) : scalar
        const uncompressed = v.public.startsWith('04')
        const made = ecp(group, d).agree(uncompressed ? bytes(v.public.slice(2)) : bytes(v.public))
        const want = v.result === 'valid' && uncompressed ? v.shared : 'ike-key-exchange'
        t.equal(typeof made === 'string' ? made : hexOf(made), want, `case ${v.tcId} ${v.comment}`)
      }
  })
