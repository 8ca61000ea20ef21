import { constants, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import t from 'tap'
import { type SignatureFault, signAuth, verifyAuth } from './signature.js'
import { algorithmIdentifier, parseAlgorithm, SIGNATURE_HASHES } from './signature-algorithm.js'

const SIGNED = Buffer.from('octets that both ends agree on')
const der = (key: KeyObject): Uint8Array =>
  key.type === 'private'
    ? key.export({ format: 'der', type: 'pkcs8' })
    : key.export({ format: 'der', type: 'spki' })
const pair = ({ privateKey, publicKey }: { privateKey: KeyObject; publicKey: KeyObject }) => ({
  own: der(privateKey),
  spki: der(publicKey),
  privateKey,
})
const rsa = pair(generateKeyPairSync('rsa', { modulusLength: 2048 }))
const p256 = pair(generateKeyPairSync('ec', { namedCurve: 'P-256' }))
const ed25519 = pair(generateKeyPairSync('ed25519'))
const all = { hashes: SIGNATURE_HASHES, rsa: 'pss' } as const
const signed = (made: Uint8Array | SignatureFault): Uint8Array => {
  if ('fault' in made) throw new Error(made.detail)
  return made
}
const auth = (identifier: string, signature: Uint8Array): Uint8Array => {
  const object = Buffer.from(identifier, 'hex')
  return Buffer.concat([Uint8Array.of(object.length), object, signature])
}

for (const [name, { own, spki }, rsaPadding, prefix] of [
  ['RSASSA-PSS with SHA-256', rsa, 'pss', '43304106092a864886f70d01010a'],
  ['sha256WithRSAEncryption', rsa, 'pkcs1', '0f300d06092a864886f70d01010b0500'],
  ['ecdsa-with-SHA256', p256, 'pss', '0c300a06082a8648ce3d040302'],
  [
    'ecdsa-with-SHA384',
    pair(generateKeyPairSync('ec', { namedCurve: 'P-384' })),
    'pss',
    '0c300a06082a8648ce3d040303',
  ],
  [
    'ecdsa-with-SHA512',
    pair(generateKeyPairSync('ec', { namedCurve: 'P-521' })),
    'pss',
    '0c300a06082a8648ce3d040304',
  ],
  ['Ed25519, RFC 8420 §2', ed25519, 'pss', '07300506032b6570'],
] as const) {
  t.test(
    `RFC 7427 §3: ${name}: the length octet, the AlgorithmIdentifier, then a signature that is good`,
    async t => {
      const data = signed(signAuth(own, SIGNED, { ...all, rsa: rsaPadding }))
      t.equal(Buffer.from(data).toString('hex').slice(0, prefix.length), prefix)
      t.equal(verifyAuth(spki, SIGNED, data), undefined)
      t.match(verifyAuth(spki, Buffer.from('other octets'), data), { fault: 'wrong' })
      t.match(verifyAuth(spki, SIGNED, data.with(-1, (data.at(-1) as number) ^ 1)), { fault: 'wrong' })
      const other = name.includes('Ed') ? p256 : ed25519
      t.match(
        verifyAuth(other.spki, SIGNED, data),
        { fault: 'wrong' },
        'nor is it that of a key of another kind',
      )
    },
  )
}

t.test('RFC 7427 §4: one of the hashes that the peer announced is used, and no other', async t => {
  const only384 = signed(signAuth(p256.own, SIGNED, { hashes: [1, 3], rsa: 'pss' }))
  t.same(parseAlgorithm(only384.subarray(1, 1 + (only384[0] as number))), { scheme: 'ecdsa', hash: 'sha384' })
  t.match(signAuth(p256.own, SIGNED, { hashes: [1], rsa: 'pss' }), { fault: 'no-common-hash' })
  t.match(signAuth(rsa.own, SIGNED, { hashes: [5], rsa: 'pss' }), { fault: 'no-common-hash' })
})

t.test('RFC 8420 §2: EdDSA only if the peer announced Identity (5)', async t => {
  t.match(signAuth(ed25519.own, SIGNED, { hashes: [2, 3, 4], rsa: 'pss' }), { fault: 'no-common-hash' })
})

for (const [name, identifier, signature] of [
  ['sha1WithRSAEncryption', '300d06092a864886f70d0101050500', sign('sha1', SIGNED, rsa.privateKey)],
  ['RSASSA-PSS with empty parameters', '300d06092a864886f70d01010a3000', pss('sha1', 20)],
  ['RSASSA-PSS without parameters', '300b06092a864886f70d01010a', pss('sha1', 20)],
  [
    'RSASSA-PSS with default parameters written out',
    '303e06092a864886f70d01010a3031a00b300906052b0e03021a0500a118301606092a864886f70d010108300906052b0e03021a0500a203020114a303020101',
    pss('sha1', 20),
  ],
  [
    'a hash for MGF1 that is not that of the signature',
    algorithmHex().replace(/01(0500a203)/, '02$1'),
    pss('sha256', 32),
  ],
  ['an algorithm that we do not know', '300506032b6571', Buffer.alloc(114)],
] as const) {
  t.test(`RFC 8247 §3.2: refused: ${name}`, async t => {
    t.match(verifyAuth(rsa.spki, SIGNED, auth(identifier, signature)), { fault: 'algorithm-refused' })
  })
}

t.test('RFC 7427 §3: both encodings of parameters that are not there are understood', async t => {
  const signature = sign('sha256', SIGNED, rsa.privateKey)
  t.equal(verifyAuth(rsa.spki, SIGNED, auth('300b06092a864886f70d01010b', signature)), undefined)
})

t.test('RFC 7427 §3: PSS parameters are read, not guessed: another length of the salt', async t => {
  const short = algorithmHex().replace(/20$/, '14')
  t.equal(verifyAuth(rsa.spki, SIGNED, auth(short, pss('sha256', 20))), undefined)
  t.match(verifyAuth(rsa.spki, SIGNED, auth(short, pss('sha256', 32))), { fault: 'wrong' })
})

t.test('RFC 8247 §3.1.1: RSA keys below 2048 bits are refused on both sides', async t => {
  const short = pair(generateKeyPairSync('rsa', { modulusLength: 1024 }))
  const data = auth('300d06092a864886f70d01010b0500', sign('sha256', SIGNED, short.privateKey))
  t.match(verifyAuth(short.spki, SIGNED, data), { fault: 'key-refused' })
  t.match(signAuth(short.own, SIGNED, all), { fault: 'key-refused' })
})

t.test('RFC 7427 §3: AUTH data that ends within its algorithm', async t => {
  for (const data of [[], [0], [5, 1, 2], [2, 0x30, 0]])
    t.match(verifyAuth(rsa.spki, SIGNED, Uint8Array.from(data)), { fault: 'malformed' })
})

function pss(hash: string, saltLength: number): Uint8Array {
  return sign(hash, SIGNED, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
}

function algorithmHex(): string {
  return Buffer.from(algorithmIdentifier('rsa-pss', 'sha256')).toString('hex')
}
