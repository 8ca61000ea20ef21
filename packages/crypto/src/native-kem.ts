import * as node from 'node:crypto'
import { bug } from '@brunel/base'
import type { Encapsulated, KeyPair } from './cryptography.js'
import { wipe } from './secret.js'
import type { Group } from './transforms.js'

/** What node:crypto has from Node 24.7 on, with OpenSSL 3.5: fifteen times as fast as JavaScript. */
interface NodeKem {
  generateKeyPairSync(type: string): {
    readonly publicKey: node.KeyObject
    readonly privateKey: node.KeyObject
  }
  encapsulate(key: node.KeyObject): { readonly sharedKey: Buffer; readonly ciphertext: Buffer }
  decapsulate(key: node.KeyObject, ciphertext: Uint8Array): Buffer
}

/** By transform ID: node's name, and the last arc of id-alg-ml-kem-*, 2.16.840.1.101.3.4.4.N. */
const NAMES: Readonly<Record<number, readonly [name: string, arc: number]>> = {
  35: ['ml-kem-512', 1],
  36: ['ml-kem-768', 2],
  37: ['ml-kem-1024', 3],
}

const namesOf = (kem: Group): readonly [string, number] => NAMES[kem.id] ?? bug(`no such KEM: ${kem.name}`)

/** What stands before the key in a SubjectPublicKeyInfo: SEQUENCE { SEQUENCE { OID }, BIT STRING }. */
function prefixOf(kem: Group): Uint8Array {
  const octets = (n: number): readonly [number, number] => [n >> 8, n & 0xff]
  const oid = [0x06, 9, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x04, namesOf(kem)[1]]
  const [whole, bits] = [octets(kem.publicLength + 18), octets(kem.publicLength + 1)]
  return Uint8Array.of(0x30, 0x82, ...whole, 0x30, 11, ...oid, 0x03, 0x82, ...bits, 0)
}

/** ML-KEM by node:crypto. Public keys and ciphertexts have been checked. */
export class NativeKem {
  readonly #node: NodeKem

  private constructor(kem: NodeKem) {
    this.#node = kem
  }

  /** undefined where this Node has none. */
  static find(): NativeKem | undefined {
    return 'encapsulate' in node && 'decapsulate' in node
      ? new NativeKem(node as unknown as NodeKem)
      : undefined
  }

  keyPair(kem: Group): KeyPair {
    const { publicKey, privateKey } = this.#node.generateKeyPairSync(namesOf(kem)[0])
    const info = publicKey.export({ format: 'der', type: 'spki' })
    let live: node.KeyObject | undefined = privateKey
    return {
      group: kem,
      publicValue: new Uint8Array(info.subarray(info.length - kem.publicLength)),
      agree: ciphertext => {
        const ours = live ?? bug('a wiped private value was used')
        if (ciphertext.length !== kem.ciphertextLength) return 'ike-key-exchange' // FIPS 203 §7.3
        return taken(this.#node.decapsulate(ours, ciphertext))
      },
      wipe() {
        live = undefined // OpenSSL clears the private key when it frees it
      },
    }
  }

  encapsulate(kem: Group, publicValue: Uint8Array): Encapsulated {
    const info = Buffer.concat([prefixOf(kem), publicValue])
    const key = node.createPublicKey({ key: info, format: 'der', type: 'spki' })
    const { ciphertext, sharedKey } = this.#node.encapsulate(key)
    return { ciphertext: new Uint8Array(ciphertext), secret: taken(sharedKey) }
  }
}

function taken(secret: Buffer): Uint8Array {
  const copy = new Uint8Array(secret)
  wipe(secret)
  return copy
}
