import { createCipheriv, createDecipheriv } from 'node:crypto'
import { type Batch, ROW, ROW_FIELDS, type Sealer, SOCKET } from '@brunel/datapath'
import t from 'tap'
import { hexOf, ipv4, ipv6 } from './packets.js'
import { HERE, pair, saSpec, tunnelSpec } from './router.js'

const ICV = 16
const algorithms = {
  'aes-128-gcm': { key: Buffer.alloc(16, 7), salt: Buffer.alloc(4, 9) },
  'chacha20-poly1305': { key: Buffer.alloc(32, 7), salt: Buffer.alloc(4, 9) },
} as const

/** A sealer of one key by node:crypto, slow and right: what RFC 4106 §4, §5 and RFC 7634 §2 say, straight from the text. */
class NodeSealer implements Sealer {
  readonly #algorithm: keyof typeof algorithms
  readonly #esn: boolean
  /** Every nonce that was used: none twice. */
  readonly nonces = new Set<string>()

  constructor(algorithm: keyof typeof algorithms, esn: boolean) {
    this.#algorithm = algorithm
    this.#esn = esn
  }

  seal(batch: Batch, n: number): void {
    this.#each(batch, n, (esp, row) => {
      const { nonce, aad } = this.#inputs(esp, batch.rows[row + ROW.seqHigh] as number)
      if (this.nonces.has(nonce.toString('hex'))) throw new Error('a nonce was used twice')
      this.nonces.add(nonce.toString('hex'))
      const { key } = algorithms[this.#algorithm]
      const cipher = createCipheriv(this.#algorithm as 'aes-128-gcm', key, nonce, { authTagLength: ICV })
      const plain = esp.subarray(16, esp.length - ICV)
      cipher.setAAD(aad, { plaintextLength: plain.length })
      plain.set(cipher.update(plain))
      cipher.final()
      esp.set(cipher.getAuthTag(), esp.length - ICV)
    })
  }

  open(batch: Batch, n: number): void {
    this.#each(batch, n, (esp, row) => {
      const { nonce, aad } = this.#inputs(esp, batch.rows[row + ROW.seqHigh] as number)
      const { key } = algorithms[this.#algorithm]
      const decipher = createDecipheriv(this.#algorithm as 'aes-128-gcm', key, nonce, { authTagLength: ICV })
      const body = esp.subarray(16, esp.length - ICV)
      decipher.setAAD(aad, { plaintextLength: body.length })
      decipher.setAuthTag(esp.subarray(esp.length - ICV))
      const plain = decipher.update(body)
      try {
        decipher.final()
        body.set(plain)
      } catch {
        batch.rows[row + ROW.status] = -1
      }
    })
  }

  /** RFC 4106 §4: salt | IV; §5: SPI | sequence number, of 64 bits with ESN. */
  #inputs(esp: Buffer, seqHigh: number): { nonce: Buffer; aad: Buffer } {
    const nonce = Buffer.concat([algorithms[this.#algorithm].salt, esp.subarray(8, 16)])
    if (!this.#esn) return { nonce, aad: Buffer.from(esp.subarray(0, 8)) }
    const high = Buffer.alloc(4)
    high.writeInt32BE(seqHigh | 0)
    return { nonce, aad: Buffer.concat([esp.subarray(0, 4), high, esp.subarray(4, 8)]) }
  }

  #each(batch: Batch, n: number, f: (esp: Buffer, row: number) => void): void {
    for (let i = 0; i < n; i++) {
      const row = i * ROW_FIELDS
      if (batch.rows[row + ROW.status] !== 0) continue
      const [offset = 0, length = 0] = batch.rows.subarray(row, row + 2)
      f(Buffer.from(batch.bytes.buffer, offset, length), row)
    }
  }
}

for (const algorithm of ['aes-128-gcm', 'chacha20-poly1305'] as const) {
  for (const esn of [true, false]) {
    t.test(`RFC 4106 §5, RFC 7634 §2: ${algorithm}, ESN ${esn}: through both pumps and back`, async t => {
      const [a, b] = pair(tunnelSpec, { ...saSpec, esn }, () => new NodeSealer(algorithm, esn))
      const packets = Array.from({ length: 200 }, (_, i) =>
        (i % 2 ? ipv4 : ipv6)({ length: 60 + i * 6, tos: i & 0xfc }),
      )
      const sent = a.send(...packets)
      t.same(b.receive(sent, { remote: HERE }).map(hexOf), packets.map(hexOf))
      t.equal((a.sealer as NodeSealer).nonces.size, 200)
      b.receive(sent, { remote: HERE, socket: SOCKET.esp })
      t.same(
        b.drops(),
        esn ? { 'esp-integrity': 136, 'esp-replay': 64 } : { 'esp-before-window': 136, 'esp-replay': 64 },
      )
    })
  }
}

t.test('RFC 4303 §3.4.4.1, §3.4.4.2: a packet changed in any octet reaches nobody', async t => {
  const [a, b] = pair(tunnelSpec, saSpec, () => new NodeSealer('aes-128-gcm', true))
  const [packet] = a.send(ipv4()) as [Uint8Array]
  for (let at = 0; at < packet.length; at++) {
    t.same(b.receive([packet.with(at, (packet[at] as number) ^ 0x40)], { remote: HERE }), [], `octet ${at}`)
  }
  t.equal(b.receive([packet], { remote: HERE }).length, 1)
})
