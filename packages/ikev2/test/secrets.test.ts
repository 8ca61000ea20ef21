import { isDrop } from '@brunel/base'
import type { Cryptography, KeyPair } from '@brunel/crypto'
import { systemCryptography } from '@brunel/crypto'
import type { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import { hand, say, tamper } from './forge.js'
import { Lab, type LabOptions } from './lab.js'
import { inside, readableCryptography, resealed } from './wire-tap.js'

/**
 * Every secret that IKE computes with, as the very buffers: g^ir, SKEYSEED, prf+ output, the seven keys, what ciphers
 * and key pairs were made of. What has to do with no living SA must be zeros.
 */
class Watch {
  readonly octets: { readonly what: string; readonly octets: Uint8Array }[] = []
  readonly pairs = new Map<KeyPair, string>()
  /** Keys of the SA's PRF, HMAC-SHA-384. Ni | Nr, the PSK and the cookie secret are of other lengths. */
  #isKey = (key: Uint8Array): boolean => key.length === 48

  #note = <B extends Uint8Array>(what: string, octets: B): B => {
    if (!this.octets.some(one => one.octets === octets)) this.octets.push({ what, octets })
    return octets
  }

  readonly crypto: Cryptography = {
    ...readableCryptography,
    prf: (prf, key, ...data) => {
      if (this.#isKey(key)) this.#note('a key of prf', key)
      return systemCryptography.prf(prf, key, ...data)
    },
    prfPlus: (prf, key, seed, length) => {
      this.#note('a key of prf+', key)
      return this.#note('prf+', systemCryptography.prfPlus(prf, key, seed, length))
    },
    keyPair: group => {
      const pair = systemCryptography.keyPair(group)
      const watched: KeyPair = {
        ...pair,
        agree: theirs => {
          const secret = pair.agree(theirs)
          return isDrop(secret) ? secret : this.#note(`the secret of ${group.name}`, secret)
        },
        wipe: () => {
          this.pairs.delete(watched)
          pair.wipe()
        },
      }
      this.pairs.set(watched, group.name)
      return watched
    },
    encapsulate: (kem, theirs) => {
      const made = systemCryptography.encapsulate(kem, theirs)
      if (!isDrop(made)) this.#note(`the secret of ${kem.name}`, made.secret)
      return made
    },
    skCipher: (encryption, key, integrity, integrityKey) => {
      this.#note('SK_e', key)
      this.#note('SK_a', integrityKey)
      return readableCryptography.skCipher(encryption, key, integrity, integrityKey)
    },
  }

  /** What is not erased, in words; of the first `among` that were noted. */
  left(among = this.octets.length): readonly string[] {
    const alive = this.octets.slice(0, among).filter(({ octets }) => octets.some(octet => octet !== 0))
    return [
      ...alive.map(({ what }) => what),
      ...[...this.pairs.values()].map(name => `a key pair of ${name}`),
    ]
  }
}

const SHA384 = { ike: ['aes256gcm16-prfsha384-x25519'] }
const PQ = { ike: ['aes256gcm16-prfsha384-x25519-ke1_mlkem768'] }

function watched(options: LabOptions = {}): { lab: Lab; watch: Watch } {
  const watch = new Watch()
  const lab = new Lab({ ...options, crypto: watch.crypto })
  return { lab, watch }
}

/** The host wipes what it was given to install; the laboratory is that host. */
const wipeChildren = ({ routers }: Lab): void => {
  for (const effect of routers.flatMap(router => router.effects))
    if (effect.do === 'child-install')
      for (const keys of [effect.child.keysIn, effect.child.keysOut]) {
        keys.encryption.fill(0)
        keys.integrity.fill(0)
      }
}

const ENDS: readonly (readonly [what: string, end: (lab: Lab) => void, change?: object, onlyB?: object])[] = [
  ['our Delete', lab => void lab.feed(lab.a, { on: 'down', peer: 'B' })],
  ["the peer's Delete", lab => void lab.feed(lab.b, { on: 'down', peer: 'A' })],
  [
    'the removal of the peer',
    lab => lab.routers.forEach(r => void lab.feed(r, { on: 'peer-removed', peer: lab.other(r).name })),
  ],
  [
    'silence',
    lab => {
      lab.rule = () => []
    },
  ],
  [
    'the end of the router in the middle of rekeys',
    lab => {
      lab.rule = () => []
      for (const r of lab.routers) lab.feed(r, { on: 'rekey', peer: lab.other(r).name, what: 'ike' })
      for (const r of lab.routers) lab.feed(r, { on: 'stop' })
    },
  ],
  [
    'the end of the router in the middle of rekeys of children',
    lab => {
      lab.rule = () => []
      for (const r of lab.routers) lab.feed(r, { on: 'rekey', peer: lab.other(r).name, what: 'child' })
      for (const r of lab.routers) lab.feed(r, { on: 'stop' })
    },
  ],
  [
    'the end of the router between the steps of a rekey',
    lab => {
      lab.rule = d => (d.text.startsWith('IKE_FOLLOWUP_KE') ? [] : [10])
      lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' })
      lab.run(lab.now + 100)
      for (const r of lab.routers) lab.feed(r, { on: 'stop' })
    },
    PQ,
  ],
  [
    "the end of the router between the steps of a child's rekey",
    lab => {
      lab.rule = d => (d.text.startsWith('IKE_FOLLOWUP_KE') ? [] : [10])
      lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
      lab.run(lab.now + 100)
      for (const r of lab.routers) lab.feed(r, { on: 'stop' })
    },
    { ...SHA384, esp: ['aes256gcm16-x25519-ke1_mlkem768'] },
  ],
  [
    'INVALID_SYNTAX',
    lab => {
      say(lab, lab.a, [{ type: 'NONCE', data: new Uint8Array(3) }], { exchange: 36 })
      lab.feed(lab.a, { on: 'down', peer: 'B' })
    },
  ],
  [
    'its hard lifetime',
    lab => {
      lab.rule = d => (d.text.startsWith('INFORMATIONAL') ? [10] : [])
    },
    { ikeLifetime: 60_000 },
  ],
]

for (const [what, end, change = SHA384] of ENDS)
  t.test(`RFC 7296 §2.12: nothing is left of the keys after ${what}`, async t => {
    const { lab, watch } = watched()
    lab.both(change)
    lab.run(1000)
    t.equal(lab.a.children.size, 1)
    wipeChildren(lab)
    t.ok(watch.left().length >= 7, 'while it lives its keys do')
    end(lab)
    for (const r of lab.routers) lab.feed(r, { on: 'down', peer: lab.other(r).name })
    lab.run(lab.now + 300_000)
    wipeChildren(lab)
    t.same(watch.left(), [])
  })

t.test('RFC 7296 §2.12: keys go when their SA does, not only at the very end', async t => {
  for (const begin of [
    (lab: Lab) => lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'ike' }),
    (lab: Lab) => lab.routers.map(r => lab.feed(r, { on: 'rekey', peer: lab.other(r).name, what: 'ike' })),
    (lab: Lab) => lab.feed(lab.a, { on: 'reauthenticate', peer: 'B' }),
  ]) {
    const { lab, watch } = watched()
    lab.both(PQ)
    lab.run(1000)
    const before = watch.octets.length
    begin(lab)
    lab.run(60_000)
    wipeChildren(lab)
    t.equal(lab.a.children.size, 1)
    t.same(watch.left(before), [], 'of the predecessor')
    t.ok(watch.left().length >= 4, 'the successor lives')
    const alive = watch.left().length
    lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
    lab.run(120_000)
    wipeChildren(lab)
    t.same(
      watch.left().filter(what => what.startsWith('the secret') || what.startsWith('a key pair')),
      [],
    )
    t.ok(watch.left().length <= alive + 2, 'SK_d at both ends was used, and nothing else is new')
  }
})

t.test('RFC 7296 §2.8.2: of two sessions that crossed, the redundant one leaves nothing', async t => {
  const { lab, watch } = watched()
  lab.both(SHA384, { initiate: true })
  lab.run(60_000)
  wipeChildren(lab)
  t.equal(lab.a.ike.report('B')?.sas.length, 1)
  // SK_e and SK_a in both directions at both ends, SK_d, SK_pi, SK_pr at both ends; SK_a is empty with an AEAD.
  t.ok(watch.left().length <= 10, `${watch.left()}`)
  for (const r of lab.routers) lab.feed(r, { on: 'down', peer: lab.other(r).name })
  lab.run(120_000)
  t.same(watch.left(), [])
})

const FAILURES: readonly (readonly [what: string, change: object, onlyB: object, rule?: Lab['rule']])[] = [
  ['a wrong key', { psk: 'one' }, { psk: 'two' }],
  [
    'an identity that the responder does not know',
    { localId: 'x.example.net' },
    { localId: 'b.example.net' },
  ],
  [
    'an identity that the initiator does not expect',
    { remoteId: 'x.example.net' },
    { remoteId: 'a.example.net' },
  ],
  ['no proposal in common', SHA384, { ike: ['aes128gcm16-prfsha256-x25519'] }],
  ['IKE_SA_INIT without an answer', SHA384, {}, () => []],
  ['IKE_AUTH that never comes', SHA384, {}, d => (d.text.startsWith('IKE_AUTH') ? [] : [10])],
  ['IKE_AUTH without an answer', SHA384, {}, d => (d.text.startsWith('IKE_AUTH response') ? [] : [10])],
  ['IKE_INTERMEDIATE that never comes', PQ, {}, d => (d.text.startsWith('IKE_INTERMEDIATE') ? [] : [10])],
  [
    'IKE_INTERMEDIATE without an answer',
    PQ,
    {},
    d => (d.text.startsWith('IKE_INTERMEDIATE response') ? [] : [10]),
  ],
]
for (const [what, change, onlyB, rule] of FAILURES)
  t.test(`RFC 7296 §2.12: nothing is left of an attempt that fails by ${what}`, async t => {
    const { lab, watch } = watched(rule === undefined ? {} : { rule })
    lab.both(change, onlyB)
    lab.run(30_000)
    wipeChildren(lab)
    lab.feed(lab.a, { on: 'peer-removed', peer: 'B' })
    lab.feed(lab.b, { on: 'peer-removed', peer: 'A' })
    lab.run(120_000)
    t.same(watch.left(), [])
  })

t.test('RFC 7296 §2.12: a half-open IKE SA of a stranger leaves nothing when its time is over', async t => {
  const { lab, watch } = watched({ rule: () => [] })
  lab.both(SHA384)
  const bytes = lab.sent[0]?.bytes ?? new Uint8Array()
  lab.feed(lab.a, { on: 'peer-removed', peer: 'B' })
  for (const n of [1, 2, 3]) hand(lab, lab.b, bytes.with(0, n))
  t.ok(watch.left().length >= 6)
  lab.run(30_100)
  t.same(watch.left(), [])
})

t.test('RFC 7296 §2.12: a refused child leaves no private value', async t => {
  const { lab, watch } = watched()
  lab.both({ ...SHA384, esp: ['aes256gcm16-x25519'] })
  lab.run(1000)
  const alive = watch.left().length
  tamper(lab, 'A CREATE_CHILD_SA request', bytes =>
    resealed(
      bytes,
      (inside(bytes) as readonly Wire.PlainPayload[]).filter(p => p.type !== 'TSi' && p.type !== 'TSr'),
    ),
  )
  lab.feed(lab.a, { on: 'rekey', peer: 'B', what: 'child' })
  lab.run(20_000)
  wipeChildren(lab)
  t.equal(watch.pairs.size, 0)
  t.ok(watch.left().length <= alive)
})
