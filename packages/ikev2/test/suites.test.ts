import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { rewritten, tamper } from './forge.js'
import { Lab } from './lab.js'
import { inside, resealed } from './wire-tap.js'

/** Every proposal also offers this cipher, and before the others. */
const withCipher =
  (id: number, keyBits: number) =>
  (payloads: readonly Wire.PlainPayload[]): readonly Wire.PlainPayload[] =>
    payloads.map(p =>
      p.type !== 'SA'
        ? p
        : {
            ...p,
            proposals: p.proposals.map(proposal => ({
              ...proposal,
              transforms: [
                { type: 1, id, attributes: keyBits === 0 ? [] : [{ type: 14, value: keyBits }] },
                ...proposal.transforms,
              ],
            })),
          },
    )
const ENCR_GCM_16 = 20
const chosen = (bytes: Uint8Array): number | undefined =>
  Wire.find(inside(bytes), 'SA')?.proposals[0]?.transforms.find(x => x.type === 1)?.id

for (const [name, id, keyBits] of [
  ['AES-CCM-8', 29, 256],
  ['AES-GCM-16', 30, 256],
  ['ChaCha20-Poly1305', 31, 0],
] as const) {
  t.test(
    `RFC 8750 §7, §8: ${name} with implicit IV is passed over for the suite beside it, in ESP and in IKE`,
    async t => {
      const lab = new Lab()
      lab.both()
      tamper(lab, 'A IKE_AUTH request', bytes =>
        resealed(bytes, withCipher(id, keyBits)(inside(bytes) as readonly Wire.PlainPayload[])),
      )
      lab.run(1000)
      t.equal(chosen(lab.sent[3]?.bytes ?? new Uint8Array()), ENCR_GCM_16)
      t.equal([...lab.b.children.values()][0]?.encryption.ivLength, 8)
      const other = new Lab()
      tamper(other, 'A IKE_SA_INIT request', bytes => rewritten(bytes, withCipher(id, keyBits)))
      other.both()
      other.run(15)
      t.equal(chosen(other.sent[1]?.bytes ?? new Uint8Array()), ENCR_GCM_16)
    },
  )
}

const ENCR_GCM_16_IIV = 30
const ENCR_CHACHA20_IIV = 31
for (const [ours, theirs, id, ivLength] of [
  ['aes256gcm16iiv-esn', 'aes256gcm16iiv-esn', ENCR_GCM_16_IIV, 0],
  ['chacha20poly1305iiv-noesn', 'chacha20poly1305iiv-noesn', ENCR_CHACHA20_IIV, 0],
  ['aes256gcm16iiv-esn', 'aes256gcm16-esn', ENCR_GCM_16, 8],
  ['aes256gcm16-esn', 'aes256gcm16iiv-esn', ENCR_GCM_16, 8],
] as const)
  t.test(`RFC 8750 §5, §6: ${ours} offered to ${theirs}: transform ${id}, also in rekeys`, async t => {
    const lab = new Lab()
    lab.both({ esp: [ours] }, { esp: [theirs] })
    lab.run(1000)
    const offered = Wire.find(inside(lab.sent[2]?.bytes ?? new Uint8Array()), 'SA')?.proposals[0]?.transforms
    const ciphers = offered?.filter(x => x.type === 1).map(x => x.id)
    if (ours.includes('iiv'))
      t.same(ciphers?.length, 2, 'the same cipher with explicit IV is offered beside it')
    t.equal(chosen(lab.sent[3]?.bytes ?? new Uint8Array()), id)
    lab.feed(lab.b, { on: 'rekey', peer: 'A', what: 'child' })
    lab.run(3000)
    for (const r of lab.routers) {
      t.equal(r.event('child-rekeyed').length, 1)
      t.equal([...r.children.values()][0]?.encryption.ivLength, ivLength)
    }
  })

for (const suite of [
  'aes128-sha256',
  'aes256-sha384',
  'aes256-sha512',
  'chacha20poly1305',
  'aes128gcm16',
] as const) {
  t.test(
    `RFC 8221 §4, RFC 7296 §5: ${suite} encrypts and authenticates, in the child that is installed`,
    async t => {
      const lab = new Lab()
      lab.both({ esp: [suite] })
      lab.run(1000)
      const [child] = lab.a.children.values()
      t.ok((child?.integrity?.icvLength ?? child?.encryption.icvLength ?? 0) >= 16)
      const [far] = lab.b.children.values()
      t.same(child?.keysIn, far?.keysOut)
      t.same(child?.keysOut, far?.keysIn)
      t.notSame(child?.keysIn, child?.keysOut)
    },
  )
}
