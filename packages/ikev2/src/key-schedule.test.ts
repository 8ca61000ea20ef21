import { readFileSync } from 'node:fs'
import type { IkeSpi } from '@brunel/base'
import {
  ENCRYPTIONS,
  type Encryption,
  INTEGRITIES,
  type Integrity,
  PRFS,
  type Prf,
  systemCryptography,
} from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import t from 'tap'
import {
  childKeys,
  type IkeKeys,
  ikeKeys,
  initialSkeyseed,
  rekeySkeyseed,
  wipeIkeKeys,
} from './key-schedule.js'

const crypto = systemCryptography
const { hex, unhex } = Ike
const [sha256, , sha512] = PRFS as [Prf, Prf, Prf]

type Case = Record<
  | 'ni'
  | 'nr'
  | 'secret'
  | 'secretNew'
  | 'spiInitiator'
  | 'spiResponder'
  | 'skeyseed'
  | 'keys'
  | 'keymat'
  | 'keymatPfs'
  | 'skeyseedRekey',
  string
>
const { cases } = JSON.parse(
  readFileSync(new URL('../../vectors/nist-ikev2-kdf.json', import.meta.url), 'utf8'),
) as {
  cases: Case[]
}

/** Transforms whose keys add up to the stream of the vector; only the lengths matter here. */
const cipher = (keyLength: number): Encryption => ({
  ...(ENCRYPTIONS[0] as Encryption),
  keyLength,
  saltLength: 0,
})
const integrity = (keyLength: number): Integrity => ({ ...(INTEGRITIES[0] as Integrity), keyLength })

for (const v of cases) {
  const nonces = { ni: unhex(v.ni), nr: unhex(v.nr) }
  const spis = { spiInitiator: v.spiInitiator as IkeSpi, spiResponder: v.spiResponder as IkeSpi }
  const suite = { prf: sha256, encryption: cipher(80), integrity: integrity(64) }
  const keys = ikeKeys(crypto, suite, unhex(v.skeyseed), { ...nonces, ...spis })

  t.test('RFC 7296 §2.14: SKEYSEED and the seven keys in order, as in the NIST vectors', async t => {
    t.equal(hex(initialSkeyseed(crypto, sha256, nonces, unhex(v.secret))), v.skeyseed)
    t.equal(hex(Ike.concat(keys.d, keys.ai, keys.ar, keys.ei, keys.er, keys.pi, keys.pr)), v.keys)
    t.same(
      [keys.d, keys.ai, keys.ar, keys.ei, keys.er, keys.pi, keys.pr].map(k => k.length),
      [32, 64, 64, 80, 80, 32, 32],
    )
  })

  t.test('RFC 7296 §2.18: SKEYSEED of a rekey, as in the NIST vectors', async t => {
    t.equal(
      hex(rekeySkeyseed(crypto, { prf: sha256, d: keys.d }, nonces, unhex(v.secretNew))),
      v.skeyseedRekey,
    )
  })

  t.test(
    'RFC 7296 §2.17: KEYMAT with and without PFS, initiator first, encryption before integrity',
    async t => {
      for (const [secret, want] of [
        [undefined, v.keymat],
        [unhex(v.secretNew), v.keymatPfs],
      ] as const) {
        const child = childKeys(
          crypto,
          { prf: sha256, d: keys.d },
          { encryption: cipher(128), integrity: integrity(64) },
          { ...nonces, secret },
        )
        const { initiator: i, responder: r } = child
        t.equal(hex(Ike.concat(i.encryption, i.integrity, r.encryption, r.integrity)), want)
        t.same([i.encryption.length, i.integrity.length], [128, 64])
      }
    },
  )
}

t.test(
  'RFC 7296 §2.18: a rekey computes SKEYSEED with the old PRF and the keys with the new one',
  async t => {
    const nonces = { ni: new Uint8Array(16).fill(1), nr: new Uint8Array(16).fill(2) }
    const secret = new Uint8Array(32).fill(3)
    const old = { prf: sha256, d: new Uint8Array(32).fill(4) }
    const seed = rekeySkeyseed(crypto, old, nonces, secret)
    t.equal(hex(seed), hex(crypto.prf(sha256, old.d, secret, nonces.ni, nonces.nr)))
    const spis = { spiInitiator: '0102030405060708' as IkeSpi, spiResponder: '1112131415161718' as IkeSpi }
    const keys = ikeKeys(crypto, { prf: sha512, encryption: cipher(16), integrity: undefined }, seed, {
      ...nonces,
      ...spis,
    })
    t.equal(keys.d.length, 64)
    t.equal(
      hex(keys.d),
      hex(
        crypto.prf(
          sha512,
          seed,
          nonces.ni,
          nonces.nr,
          unhex('01020304050607081112131415161718'),
          Uint8Array.of(1),
        ),
      ),
    )
  },
)

t.test(
  'RFC 5282 §7.1, RFC 4106 §8.1: an AEAD has no SK_a, and its salt is the end of the key material',
  async t => {
    const gcm = ENCRYPTIONS.find(e => e.name === 'aes256gcm16') as Encryption
    const nonces = { ni: new Uint8Array(16).fill(1), nr: new Uint8Array(16).fill(2) }
    const d = new Uint8Array(32).fill(4)
    const child = childKeys(
      crypto,
      { prf: sha256, d },
      { encryption: gcm, integrity: undefined },
      { ...nonces, secret: undefined },
    )
    t.equal(child.initiator.integrity.length, 0)
    t.equal(child.initiator.encryption.length, 36)
    const stream = crypto.prfPlus(sha256, d, Ike.concat(nonces.ni, nonces.nr), 72)
    t.equal(hex(child.initiator.encryption), hex(stream.subarray(0, 36)), 'key, then salt')
    t.equal(hex(child.responder.encryption), hex(stream.subarray(36)))
    const spis = { spiInitiator: '0102030405060708' as IkeSpi, spiResponder: '1112131415161718' as IkeSpi }
    const keys = ikeKeys(crypto, { prf: sha256, encryption: gcm, integrity: undefined }, d, {
      ...nonces,
      ...spis,
    })
    t.same([keys.ai.length, keys.ar.length, keys.ei.length], [0, 0, 36])
  },
)

t.test('RFC 7296 §2.12: every key of an IKE SA is erased', async t => {
  const fill = (): Uint8Array => new Uint8Array(8).fill(7)
  const keys: IkeKeys = { d: fill(), ai: fill(), ar: fill(), ei: fill(), er: fill(), pi: fill(), pr: fill() }
  wipeIkeKeys(crypto, keys)
  t.ok(Object.values(keys).every(key => key.every((octet: number) => octet === 0)))
})
