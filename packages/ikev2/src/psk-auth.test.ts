import { createHmac } from 'node:crypto'
import { PRFS, type Prf, systemCryptography } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import t from 'tap'
import { pskAuth, type Signing, signedOctets, verifyPskAuth } from './psk-auth.js'

const crypto = systemCryptography
const prf = PRFS[0] as Prf
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const hmac = (key: Uint8Array, ...data: Uint8Array[]): Uint8Array => {
  const h = createHmac('sha256', key)
  for (const part of data) h.update(part)
  return new Uint8Array(h.digest())
}
const signing: Signing = {
  prf,
  message: bytes('IKE_SA_INIT request as it was on the wire'),
  peerNonce: new Uint8Array(32).fill(2),
  skP: new Uint8Array(32).fill(3),
  id: { type: 'IDi', idType: 2, data: bytes('hq.example.net') },
}
const auth = (data: Uint8Array, method: number = Ike.AUTH_METHOD.SHARED_KEY_MIC): Ike.AuthPayload => ({
  type: 'AUTH',
  method,
  data,
})

t.test(
  'RFC 7296 §2.15: what is signed is the message, the other nonce, and prf(SK_p, ID without generic header)',
  async t => {
    const maced = hmac(signing.skP, Uint8Array.of(2, 0, 0, 0), bytes('hq.example.net'))
    t.same(signedOctets(crypto, signing), Ike.concat(signing.message, signing.peerNonce, maced))
  },
)

t.test('RFC 7296 §2.15: RESERVED of the ID counts as it was received', async t => {
  const noisy: Signing = { ...signing, id: { ...signing.id, reserved: 0xa1b2c3 } }
  const maced = hmac(signing.skP, Uint8Array.of(2, 0xa1, 0xb2, 0xc3), bytes('hq.example.net'))
  t.same(signedOctets(crypto, noisy), Ike.concat(signing.message, signing.peerNonce, maced))
})

for (const [what, psk] of [
  ['one octet', 'x'],
  ['64 ASCII octets', 'p'.repeat(64)],
  ['200 octets, more than a block of the hash', 'q'.repeat(200)],
  ['what looks like hex', '0xc0ffee'],
] as const)
  t.test(
    `RFC 7296 §2.15: AUTH = prf(prf(PSK, "Key Pad for IKEv2"), octets), with a PSK of ${what}`,
    async t => {
      const want = hmac(hmac(bytes(psk), bytes('Key Pad for IKEv2')), signedOctets(crypto, signing))
      t.same(pskAuth(crypto, bytes(psk), signing), want)
      t.ok(verifyPskAuth(crypto, bytes(psk), signing, auth(want)))
      t.notOk(verifyPskAuth(crypto, bytes(`${psk}z`), signing, auth(want)))
    },
  )

t.test('RFC 7296 §2.15: any change of message, nonce, ID, SK_p, PSK, PRF or method is refused', async t => {
  const psk = bytes('secret')
  const good = pskAuth(crypto, psk, signing)
  const changes: Partial<Signing>[] = [
    { message: bytes('IKE_SA_INIT request as it was on the wirE') },
    { peerNonce: new Uint8Array(32).fill(9) },
    { skP: new Uint8Array(32).fill(9) },
    { id: { ...signing.id, idType: 3 } },
    { id: { ...signing.id, data: bytes('hq.example.com') } },
    { prf: PRFS[2] as Prf },
  ]
  for (const change of changes)
    t.notOk(verifyPskAuth(crypto, psk, { ...signing, ...change }, auth(good)), Object.keys(change).join())
  t.notOk(verifyPskAuth(crypto, bytes('Secret'), signing, auth(good)), 'PSK')
  t.notOk(verifyPskAuth(crypto, psk, signing, auth(good, 1)), 'method')
  t.notOk(verifyPskAuth(crypto, psk, signing, auth(good.subarray(1))), 'length')
  t.ok(verifyPskAuth(crypto, psk, signing, auth(good)))
})
