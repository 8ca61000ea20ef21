import { createHash } from 'node:crypto'
import { isDrop } from '@brunel/base'
import t from 'tap'
import type { Encapsulated } from './cryptography.js'
import { encapsulate, kemKeyPair } from './kem.js'
import { systemCryptography } from './system-cryptography.js'
import { type Group, KEMS } from './transforms.js'

const kemOf = (name: string): Group => KEMS.find(kem => kem.name === name) as Group
const made = (result: Encapsulated | string): Encapsulated => {
  if (typeof result === 'string') throw new Error(result)
  return result
}

/**
 * The accumulated known answers that Go's crypto/mlkem (TestAccumulated) and others publish: SHAKE-128 of nothing
 * gives seeds, chance and a random ciphertext for each of 100 rounds; SHAKE-128 of all encapsulation keys,
 * ciphertexts, secrets and implicitly rejected secrets is the answer.
 */
const ACCUMULATED_100 = {
  mlkem512: '86b1b4703b8ffef6f7f3290c6dbce4ad954498a0673ded401a94828e8c519a59',
  mlkem768: '1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415',
  mlkem1024: '800018fec3e2723f73f1d657fe239b4d5d8782efaade297e8cd448e54cc2ac00',
}

for (const [name, want] of Object.entries(ACCUMULATED_100))
  t.test(`FIPS 203 §6: ${name} gives the known answers of 100 key pairs, with rejections`, async t => {
    const kem = kemOf(name)
    const round = 64 + 32 + (kem.ciphertextLength as number)
    const source = new Uint8Array(createHash('shake128', { outputLength: 100 * round }).digest())
    const answers = createHash('shake128', { outputLength: 32 })
    for (let at = 0; at < source.length; at += round) {
      const pair = kemKeyPair(kem, source.slice(at, at + 64))
      const { ciphertext, secret } = made(encapsulate(kem, pair.publicValue, source.slice(at + 64, at + 96)))
      t.same(pair.agree(ciphertext), secret)
      answers.update(pair.publicValue).update(ciphertext).update(secret)
      answers.update(pair.agree(source.slice(at + 96, at + round)))
    }
    t.equal(answers.digest('hex'), want)
  })

for (const kem of KEMS) {
  t.test(`FIPS 203 §8: ${kem.name} has the lengths of table 3, and both ends agree`, async t => {
    const pair = systemCryptography.keyPair(kem)
    const { ciphertext, secret } = made(systemCryptography.encapsulate(kem, pair.publicValue))
    t.equal(pair.publicValue.length, kem.publicLength)
    t.equal(ciphertext.length, kem.ciphertextLength)
    t.equal(secret.length, kem.secretLength)
    t.same(pair.agree(ciphertext), secret)
  })

  t.test(
    `FIPS 203 §6.3: a wrong ciphertext of ${kem.name} yields another secret, always the same`,
    async t => {
      const pair = kemKeyPair(kem)
      const { ciphertext, secret } = made(encapsulate(kem, pair.publicValue))
      ciphertext[5] = (ciphertext[5] as number) ^ 1
      const rejected = pair.agree(ciphertext)
      t.notOk(isDrop(rejected))
      t.notSame(rejected, secret)
      t.same(pair.agree(ciphertext), rejected)
    },
  )

  t.test(`FIPS 203 §7.3: a ciphertext of ${kem.name} of another length is refused`, async t => {
    const pair = kemKeyPair(kem)
    const length = kem.ciphertextLength as number
    for (const wrong of [0, length - 1, length + 1])
      t.equal(pair.agree(new Uint8Array(wrong)), 'ike-key-exchange')
  })

  t.test(`FIPS 203 §7.2: an encapsulation key of ${kem.name} is checked for length and modulus`, async t => {
    const { publicValue } = kemKeyPair(kem)
    for (const wrong of [publicValue.subarray(1), Uint8Array.of(...publicValue, 0), new Uint8Array(0)])
      t.equal(encapsulate(kem, wrong), 'ike-key-exchange')
    const even = publicValue.slice()
    even.set([0x01, ((even[1] as number) & 0xf0) | 0x0d], 0) // 3329 as the first coefficient
    t.equal(encapsulate(kem, even), 'ike-key-exchange')
    const last = kem.publicLength - 32 - 3
    const odd = publicValue.slice()
    odd.set([((odd[last + 1] as number) & 0x0f) | 0x10, 0xd0], last + 1) // 3329 as the last one
    t.equal(encapsulate(kem, odd), 'ike-key-exchange')
    const below = publicValue.slice()
    below.set([0x00, ((below[1] as number) & 0xf0) | 0x0d], 0) // 3328
    t.notOk(isDrop(encapsulate(kem, below)))
  })

  t.test(`RFC 7296 §2.12: after wipe the decapsulation key of ${kem.name} is not used again`, async t => {
    const pair = kemKeyPair(kem)
    pair.wipe()
    t.throws(() => pair.agree(new Uint8Array(kem.ciphertextLength as number)), { name: 'Bug' })
  })
}

t.test('FIPS 203 §6: whoever computes, node:crypto or JavaScript, comes to the same secret', async t => {
  for (const kem of KEMS) {
    const [byNode, byScript] = [kemKeyPair(kem), kemKeyPair(kem, new Uint8Array(64).fill(7))]
    for (const pair of [byNode, byScript])
      for (const chance of [undefined, new Uint8Array(32).fill(9)]) {
        const { ciphertext, secret } = made(encapsulate(kem, pair.publicValue, chance))
        t.same(pair.agree(ciphertext), secret, kem.name)
      }
    t.equal(byNode.agree(new Uint8Array(5)), 'ike-key-exchange')
    byNode.wipe()
    t.throws(() => byNode.agree(new Uint8Array(kem.ciphertextLength as number)), /wiped/)
  }
})
