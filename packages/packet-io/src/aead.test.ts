import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Batch, type BatchShape, ROW, ROW_FIELDS } from '@brunel/datapath'
import t from 'tap'
import type { SealerSa } from './contract.js'
import { native, pumpNumber } from './native.js'
import { NativeSealer } from './pump-ports.js'

const SHAPE: BatchShape = { rows: 64, slotLength: 2304, headroom: 128 }
const CIPHER = { 'aes-gcm': 0, 'chacha20-poly1305': 1, 'aes-cbc': 2 }
const MAC = { none: 0, sha256: 1, sha384: 2, sha512: 3 }
const AEAD_NAMES = {
  'aes-gcm': (bits: number) => `aes-${bits}-gcm`,
  'chacha20-poly1305': () => 'chacha20-poly1305',
}

/** Without sockets: only its tables. */
const instance = native.openIo(-1, -1)
t.teardown(() => native.closeIo(instance))
const sealer = new NativeSealer(pumpNumber(instance, 'outbound'))
const opener = new NativeSealer(pumpNumber(instance, 'inbound'))
const batch = new Batch(SHAPE, new ArrayBuffer(SHAPE.rows * SHAPE.slotLength))

const add = (sa: SealerSa): number =>
  native.addSa(
    instance,
    CIPHER[sa.cipher],
    sa.encryptionKey,
    MAC[sa.integrity ?? 'none'],
    sa.integrityKey,
    sa.icvLength,
    sa.esn,
    sa.implicitIv,
  )

interface Esp {
  readonly spi: number
  readonly seq: number
  readonly seqHigh: number
  readonly iv: Uint8Array
  readonly text: Uint8Array
}

/** Puts a packet into a slot as a pump would: SPI, sequence, IV, text, room full of garbage for the ICV. */
function lay(row: number, sa: number, icv: number, p: Esp): void {
  const at = row * SHAPE.slotLength + SHAPE.headroom
  const length = 8 + p.iv.length + p.text.length + icv
  batch.bytes.fill(0xa5, at, at + length)
  batch.view.setUint32(at, p.spi)
  batch.view.setUint32(at + 4, p.seq)
  batch.bytes.set(p.iv, at + 8)
  batch.bytes.set(p.text, at + 8 + p.iv.length)
  const r = row * ROW_FIELDS
  batch.rows.fill(0, r, r + ROW_FIELDS)
  batch.rows[r + ROW.offset] = at
  batch.rows[r + ROW.length] = length
  batch.rows[r + ROW.sa] = sa
  batch.rows[r + ROW.seqHigh] = p.seqHigh
}

const packetOf = (row: number): Buffer => {
  const at = batch.rows[row * ROW_FIELDS + ROW.offset]!
  return Buffer.from(batch.bytes.slice(at, at + batch.rows[row * ROW_FIELDS + ROW.length]!))
}
const statusOf = (row: number): number => batch.rows[row * ROW_FIELDS + ROW.status]!

const u32 = (n: number): Buffer => {
  const b = Buffer.alloc(4)
  b.writeUInt32BE(n >>> 0)
  return b
}

/** The same packet by node:crypto. `iv` of CBC is read from what the addon made. */
function expected(sa: SealerSa, p: Esp, iv: Uint8Array): Buffer {
  const header = Buffer.concat([u32(p.spi), u32(p.seq)])
  if (sa.cipher === 'aes-cbc') {
    const c = createCipheriv(`aes-${sa.encryptionKey.length * 8}-cbc`, sa.encryptionKey, iv).setAutoPadding(
      false,
    )
    const body = Buffer.concat([header, iv, c.update(p.text), c.final()])
    const h = createHmac(sa.integrity!, sa.integrityKey).update(body)
    if (sa.esn) h.update(u32(p.seqHigh))
    return Buffer.concat([body, h.digest().subarray(0, sa.icvLength)])
  }
  const key = sa.encryptionKey.subarray(0, -4)
  // RFC 8750 §4: zero or the high half, then the sequence number.
  const implicit = Buffer.concat([u32(sa.esn ? p.seqHigh : 0), u32(p.seq)])
  const nonce = Buffer.concat([sa.encryptionKey.subarray(-4), sa.implicitIv ? implicit : iv])
  const name = AEAD_NAMES[sa.cipher](key.length * 8) as 'aes-128-gcm'
  const c = createCipheriv(name, key, nonce, { authTagLength: sa.icvLength })
  c.setAAD(sa.esn ? Buffer.concat([u32(p.spi), u32(p.seqHigh), u32(p.seq)]) : header, {
    plaintextLength: p.text.length,
  })
  return Buffer.concat([header, iv, c.update(p.text), c.final(), c.getAuthTag()])
}

const none = new Uint8Array()
const gcm = (bits: number, esn: boolean, icvLength = 16): SealerSa => ({
  cipher: 'aes-gcm',
  encryptionKey: randomBytes(bits / 8 + 4),
  integrity: undefined,
  integrityKey: none,
  icvLength,
  esn,
})
const cbc = (bits: number, integrity: 'sha256' | 'sha384' | 'sha512', esn: boolean): SealerSa => {
  const keyLength = { sha256: 32, sha384: 48, sha512: 64 }[integrity]
  const encryptionKey = randomBytes(bits / 8)
  return {
    cipher: 'aes-cbc',
    encryptionKey,
    integrity,
    integrityKey: randomBytes(keyLength),
    icvLength: keyLength / 2,
    esn,
  }
}
const suites: readonly (readonly [string, SealerSa])[] = [false, true].flatMap(esn => {
  const tail = esn ? ', ESN' : ''
  return [
    [`RFC 4106 §5: AES-128-GCM-16${tail}`, gcm(128, esn)],
    [`RFC 4106 §5: AES-192-GCM-16${tail}`, gcm(192, esn)],
    [`RFC 4106 §5: AES-256-GCM-16${tail}`, gcm(256, esn)],
    [`RFC 4106 §6: AES-256-GCM with an ICV of 12 octets${tail}`, gcm(256, esn, 12)],
    [`RFC 7634 §2: ChaCha20-Poly1305${tail}`, { ...gcm(256, esn), cipher: 'chacha20-poly1305' }],
    [`RFC 8750 §4: AES-128-GCM-16 with implicit IV${tail}`, { ...gcm(128, esn), implicitIv: true }],
    [`RFC 8750 §4: AES-256-GCM-16 with implicit IV${tail}`, { ...gcm(256, esn), implicitIv: true }],
    [
      `RFC 8750 §4: ChaCha20-Poly1305 with implicit IV${tail}`,
      { ...gcm(256, esn), cipher: 'chacha20-poly1305', implicitIv: true },
    ],
    [`RFC 3602 §2, RFC 4868 §2.1: AES-128-CBC with SHA2-256-128${tail}`, cbc(128, 'sha256', esn)],
    [`RFC 3602 §2, RFC 4868 §2.1: AES-192-CBC with SHA2-384-192${tail}`, cbc(192, 'sha384', esn)],
    [`RFC 3602 §2, RFC 4868 §2.1: AES-256-CBC with SHA2-512-256${tail}`, cbc(256, 'sha512', esn)],
  ] as (readonly [string, SealerSa])[]
})

const ivOf = (sa: SealerSa): number => (sa.cipher === 'aes-cbc' ? 16 : sa.implicitIv ? 0 : 8)

for (const [title, sa] of suites) {
  t.test(`${title}: rows are sealed as node:crypto seals them, and open again`, async t => {
    const index = add(sa)
    const ivLength = ivOf(sa)
    const packets: Esp[] = [16, 32, 64, 576, 1408, 2032].map((n, i) => ({
      spi: 0xc0000001 + i,
      seq: 0xfffffff0 + i,
      seqHigh: 7 + i,
      iv: randomBytes(ivLength),
      text: randomBytes(n),
    }))
    packets.forEach((p, row) => {
      lay(row, index, sa.icvLength, p)
    })
    sealer.seal(batch, packets.length)
    packets.forEach((p, row) => {
      const sealed = packetOf(row)
      t.equal(statusOf(row), 0)
      t.same(sealed, expected(sa, p, sealed.subarray(8, 8 + ivLength)), `${p.text.length} octets`)
      if (sa.cipher === 'aes-cbc')
        t.notSame(sealed.subarray(8, 24), p.iv, 'RFC 3602 §3: the IV is drawn by the sealer')
    })
    opener.open(batch, packets.length)
    packets.forEach((p, row) => {
      t.equal(statusOf(row), 0)
      t.same(packetOf(row).subarray(8 + ivLength, 8 + ivLength + p.text.length), Buffer.from(p.text))
    })
    native.removeSa(instance, index)
    batch.rows[ROW.status] = 0
    opener.open(batch, 1)
    t.equal(statusOf(0), -1, 'a removed SA opens nothing')
  })

  t.test(`${title}: a changed bit anywhere is refused, and so is a wrong sequence number`, async t => {
    const index = add(sa)
    const iv = randomBytes(ivOf(sa))
    const packet: Esp = { spi: 0x1000, seq: 9, seqHigh: 1, iv, text: randomBytes(64) }
    lay(0, index, sa.icvLength, packet)
    sealer.seal(batch, 1)
    const good = packetOf(0)
    const at = batch.rows[ROW.offset]!
    const opens = (bytes: Uint8Array, seqHigh = 1): boolean => {
      batch.bytes.set(bytes, at)
      batch.rows[ROW.status] = 0
      batch.rows[ROW.length] = bytes.length
      batch.rows[ROW.seqHigh] = seqHigh
      opener.open(batch, 1)
      return statusOf(0) === 0
    }
    for (let i = 0; i < good.length; i++) {
      const bad = Buffer.from(good)
      bad[i]! ^= 1 << (i % 8)
      if (opens(bad)) t.fail(`octet ${i} was changed unnoticed`)
    }
    t.equal(
      opens(good, 2),
      !sa.esn,
      'RFC 4303 §2.2.1, §3.3.2.1: the high half is authenticated with ESN and only then',
    )
    for (const n of [0, 1, 7, 8, 15, 16, 24, 31, 40]) t.notOk(opens(good.subarray(0, n)), `only ${n} octets`)
    t.ok(opens(good), 'and the good one still opens')
    native.removeSa(instance, index)
  })
}

t.test(
  'RFC 8750 §4: an implicit IV seals as an explicit one of the same value does, 8 octets shorter',
  async t => {
    for (const esn of [false, true]) {
      const explicit = { ...gcm(256, esn), encryptionKey: randomBytes(36) }
      const [with8, without] = [add(explicit), add({ ...explicit, implicitIv: true })]
      const [seqHigh, seq] = [esn ? 3 : 0, 0xfffffffe]
      const iv = Buffer.concat([u32(seqHigh), u32(seq)])
      const packet = { spi: 0x2000, seq, seqHigh, text: randomBytes(64) }
      lay(0, with8, 16, { ...packet, iv })
      lay(1, without, 16, { ...packet, iv: none })
      sealer.seal(batch, 2)
      const [a, b] = [packetOf(0), packetOf(1)]
      t.same(
        b,
        Buffer.concat([a.subarray(0, 8), a.subarray(16)]),
        'the same packet without its 8 octets of IV',
      )
      native.removeSa(instance, with8)
      native.removeSa(instance, without)
    }
  },
)

t.test('a row that cannot be sealed never stays alive', async t => {
  const index = add(gcm(128, false))
  const esp: Esp = { spi: 1, seq: 1, seqHigh: 0, iv: randomBytes(8), text: randomBytes(20) }
  for (const [what, sa, change] of [
    ['no such SA', index + 1, {}],
    ['an SA out of the table', 1 << 20, {}],
    ['a negative SA', -1, {}],
    ['too short for the ICV', index, { [ROW.length]: 20 }],
    ['outside the memory', index, { [ROW.offset]: batch.bytes.length - 8 }],
    ['a negative offset', index, { [ROW.offset]: -64 }],
    ['a negative length', index, { [ROW.length]: -1 }],
  ] as const) {
    lay(0, sa, 16, esp)
    for (const [field, value] of Object.entries(change)) batch.rows[Number(field)] = value
    sealer.seal(batch, 1)
    t.equal(statusOf(0), -1, what)
  }
  native.removeSa(instance, index)
})

t.test('rows that are not alive, and inbound rows without an SA, are left alone', async t => {
  lay(0, -1, 16, { spi: 0, seq: 1, seqHigh: 0, iv: randomBytes(8), text: randomBytes(20) })
  const before = packetOf(0)
  opener.open(batch, 1)
  t.equal(statusOf(0), 0)
  batch.rows[ROW.status] = 5
  sealer.seal(batch, 1)
  t.equal(statusOf(0), 5)
  t.same(packetOf(0), before)
})

t.test('keys that do not fit their suite are refused', async t => {
  t.throws(() => add({ ...gcm(128, false), encryptionKey: randomBytes(16) }), TypeError)
  t.throws(() => add({ ...gcm(128, false), icvLength: 15 }), TypeError)
  t.throws(() => add({ ...cbc(128, 'sha256', false), implicitIv: true }), TypeError, 'RFC 8750 §1: never CBC')
  t.throws(() => add({ ...cbc(128, 'sha256', false), integrityKey: randomBytes(16) }), TypeError)
  t.throws(
    () => add({ ...cbc(128, 'sha256', false), integrity: undefined }),
    TypeError,
    'RFC 8221 §4: never CBC alone',
  )
  t.throws(() => add({ ...gcm(256, false), cipher: 'chacha20-poly1305', icvLength: 8 }), TypeError)
})

t.test('RFC 7634 appendix A: the ChaCha20-Poly1305 ESP packet of the RFC', async t => {
  const hex = (s: string): Buffer => Buffer.from(s.replaceAll(/\s/g, ''), 'hex')
  const key = hex(
    '80 81 82 83 84 85 86 87 88 89 8a 8b 8c 8d 8e 8f 90 91 92 93 94 95 96 97 98 99 9a 9b 9c 9d 9e 9f a0 a1 a2 a3',
  )
  const text =
    hex(`45 00 00 54 a6 f2 00 00 40 01 e7 78 c6 33 64 05 c0 00 02 05 08 00 5b 7a 3a 08 00 00 55 3b ec 10
    00 07 36 27 08 09 0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f 20 21 22 23
    24 25 26 27 28 29 2a 2b 2c 2d 2e 2f 30 31 32 33 34 35 36 37 01 02 02 04`)
  const sealed =
    hex(`01 02 03 04 00 00 00 05 10 11 12 13 14 15 16 17 24 03 94 28 b9 7f 41 7e 3c 13 75 3a 4f 05 08 7b
    67 c3 52 e6 a7 fa b1 b9 82 d4 66 ef 40 7a e5 c6 14 ee 80 99 d5 28 44 eb 61 aa 95 df ab 4c 02 f7
    2a a7 1e 7c 4c 4f 64 c9 be fe 2f ac c6 38 e8 f3 cb ec 16 3f ac 46 9b 50 27 73 f6 fb 94 e6 64 da
    91 65 b8 28 29 f6 41 e0 76 aa a8 26 6b 7f b0 f7 b1 1b 36 99 07 e1 ad 43`)
  const sa: SealerSa = { ...gcm(256, false), cipher: 'chacha20-poly1305', encryptionKey: key }
  const index = add(sa)
  lay(0, index, 16, { spi: 0x01020304, seq: 5, seqHigh: 0, iv: hex('10 11 12 13 14 15 16 17'), text })
  sealer.seal(batch, 1)
  t.same(packetOf(0), sealed)
  native.removeSa(instance, index)
})

/** Walks up to the shared vectors, which are not part of this repository. */
function vectorsFile(name: string): string | undefined {
  for (let dir = import.meta.dirname ?? process.cwd(); dir !== '/'; dir = dirname(dir)) {
    const file = join(dir, 'shared/vectors/wycheproof', name)
    if (existsSync(file)) return file
  }
  return undefined
}

interface Wycheproof {
  readonly testGroups: readonly {
    readonly keySize: number
    readonly ivSize: number
    readonly tagSize: number
    readonly tests: readonly Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag' | 'result', string>[]
  }[]
}

for (const [file, cipher] of [
  ['aes_gcm_test.json', 'aes-gcm'],
  ['chacha20_poly1305_test.json', 'chacha20-poly1305'],
] as const) {
  const path = vectorsFile(file)
  t.test(
    `wycheproof ${file}: what has the shape of ESP`,
    { skip: path === undefined && 'the vectors are not here' },
    async t => {
      const { testGroups } = JSON.parse(readFileSync(path!, 'utf8')) as Wycheproof
      let seen = 0
      for (const g of testGroups.filter(g => g.ivSize === 96 && g.tagSize === 128)) {
        for (const v of g.tests.filter(
          v => (v.aad.length === 16 || v.aad.length === 24) && v.msg.length > 0,
        )) {
          const b = (s: string): Buffer => Buffer.from(s, 'hex')
          const [aad, iv, ct, esn] = [b(v.aad), b(v.iv), b(v.ct), v.aad.length === 24]
          const index = add({
            ...gcm(128, esn),
            cipher,
            encryptionKey: Buffer.concat([b(v.key), iv.subarray(0, 4)]),
          })
          const seqHigh = esn ? aad.readUInt32BE(4) : 0
          const seq = aad.readUInt32BE(esn ? 8 : 4)
          lay(0, index, 16, { spi: aad.readUInt32BE(0), seq, seqHigh, iv: iv.subarray(4), text: ct })
          batch.bytes.set(b(v.tag), batch.rows[ROW.offset]! + 16 + ct.length)
          opener.open(batch, 1)
          if ((statusOf(0) === 0) !== (v.result === 'valid')) t.fail(JSON.stringify(v))
          if (v.result === 'valid') t.same(packetOf(0).subarray(16, 16 + ct.length), b(v.msg))
          native.removeSa(instance, index)
          seen += 1
        }
      }
      t.comment(`${seen} vectors`)
    },
  )
}

t.test('keys leave no trace in what is thrown', async t => {
  const secret = randomBytes(20)
  try {
    add({ ...gcm(128, false), encryptionKey: secret, icvLength: 3 })
    t.fail('accepted')
  } catch (error) {
    t.notMatch(String((error as Error).stack), secret.toString('hex'))
  }
})
