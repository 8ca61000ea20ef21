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
