import { ENCRYPTIONS, type Encryption, PRFS, type Prf, systemCryptography } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import t from 'tap'
import { ikeKeys, initialSkeyseed, rekeySkeyseed } from '../src/key-schedule.js'

const { hex, unhex } = Ike

/** NIST CAVP, SP 800-135 component tests, IKEv2: one count each of the files for SHA-256 and SHA-384. */
const VECTORS = [
  {
    prf: 'prfsha256',
    ni: '3f302be1abcb28e1',
    nr: '8c332ee006064c9b',
    spiInitiator: '40dac39e1e1a8640',
    spiResponder: '8619a1cf9a6e4c07',
    secret: '0f4d257d7a58fc4545c7d7a88119eee5d5c9690c5b4c989171d3abbfd99d1d29',
    newSecret: '25f3b12d6f282739256e39bf54eda53b60ffcf379bb7bcc90c27b4c4c578616c',
    skeyseed: '5f00d1bd2c58ec224b1e6b71fa0f19a1faa7a193952c444411b47c1a9d8ba6fe',
    keys:
      '0b137d669b0947d7d026d593f0305ad401ff0c471357d695778a9c7f4b4869ece98aca531188d16041b3bb936d2dbb3b4993a6e7' +
      '68a809160de45d0283f273a6cdf6854379e31be72b8d3d1fa990cf9c5b015ca9f918a7df6253c958114a09d4e1c19bdcd4db14b2' +
      '9d98db1a74ad405c588662c14a04d0d36aa4ab55e90f8986d12d4aad',
    rekeyed: '2d63f6debc92048b4fef3889c4c99ca67d6496e0fac14a2bca9a2d6566ff2398',
  },
  {
    prf: 'prfsha384',
    ni: 'fd1b572a8e735591',
    nr: '6013b0ef88dacd3d',
    spiInitiator: '2116ad07ce61f749',
    spiResponder: '24880e55f11a65b7',
    secret: 'd3288cd87565101e88fe3bad918f31939d8dd26ff1071f8b2d7f447524e58d7c',
    newSecret: '3358f620539473aee8d07e779764c4c6a9aabddc79a28e136b3bac021dbde44a',
    skeyseed:
      '69fe7a1ac94adaeb711295f5fe004b1a8d6a0b65d05692758ce8ad2f7a45f59d7d0b596f51f7dfcf3330061888f6a94f',
    keys:
      '4f904c2025c90c817ea5ff9b662a6fdb445a73b57cdf09eacd379b95e1f03cacb04cd6deeda4f952191dd9bc1f7a9502471a648d' +
      '74dc06d38112de48a42501f6b1a3ad55c2099cd9a648e5f17e5bf3e34bf9b5953decb768a34f875fe2b78dca0c2fcca81ec1a412' +
      '006dfaed38fa06882e61f4c148105fb8e231fdb33c4d484c001721d4',
    rekeyed:
      'e0548c1682e13bce454026b3b1bdf42985b24e4e7408095a7c529de38c3d1fcb04c9fe6868042a34c9614c6c99e3fcea',
  },
] as const

for (const v of VECTORS)
  t.test(`RFC 7296 §2.13, §2.14, §2.18: the key derivation of NIST CAVP, ${v.prf}`, async t => {
    const prf = PRFS.find(one => one.name === v.prf) as Prf
    const encryption = ENCRYPTIONS.find(one => one.name === 'aes128gcm16') as Encryption
    const nonces = { ni: unhex(v.ni), nr: unhex(v.nr) }
    const skeyseed = initialSkeyseed(systemCryptography, prf, nonces, unhex(v.secret))
    t.equal(hex(skeyseed), v.skeyseed)
    const keys = ikeKeys(systemCryptography, { prf, encryption, integrity: undefined }, skeyseed, {
      ...nonces,
      spiInitiator: Ike.ikeSpi(unhex(v.spiInitiator)),
      spiResponder: Ike.ikeSpi(unhex(v.spiResponder)),
    })
    const { d, ai, ar, ei, er, pi, pr } = keys
    const stream = hex(Ike.concat(d, ai, ar, ei, er, pi, pr))
    t.equal(stream.slice(0, v.keys.length), v.keys, 'SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr')
    t.equal(hex(rekeySkeyseed(systemCryptography, { prf, d }, nonces, unhex(v.newSecret))), v.rekeyed)
  })
