import { appendFileSync, writeFileSync } from 'node:fs'
import type { Child } from '@brunel/ikev2'
import { spiText } from './spi-text.js'

/**
 * Writes the keys of each child SA as rows of Wireshark's `esp_sa` table, so that a capture of one's own lab can be read.
 * Off unless asked for; the daemon warns at each start.
 */
export class KeyLog {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
    writeFileSync(file, '', { mode: 0o600 })
  }

  child(child: Child): void {
    const rows = [
      [child.remote.address, child.local.address, child.spiIn, child.keysIn],
      [child.local.address, child.remote.address, child.spiOut, child.keysOut],
    ] as const
    const [encryption, integrity] = names(child)
    // Wireshark 4.0 has no name for these, and refuses a file with a name that it does not know.
    const { name, implicitIv } = child.encryption
    const comment = name.startsWith('chacha') || implicitIv ? '# ' : ''
    for (const [source, destination, spi, keys] of rows) {
      const family = source.includes(':') ? 'IPv6' : 'IPv4'
      const fields = [
        family,
        source,
        destination,
        `0x${spiText(spi)}`,
        encryption,
        bytes(keys.encryption),
        integrity,
        bytes(keys.integrity),
      ]
      appendFileSync(this.#file, `${comment}${fields.map(field => `"${field}"`).join(',')}\n`)
    }
  }
}

const bytes = (key: Uint8Array): string => (key.length === 0 ? '' : `0x${Buffer.from(key).toString('hex')}`)

function names(child: Child): readonly [string, string] {
  const { name } = child.encryption
  const encryption = name.includes('gcm')
    ? 'AES-GCM with 16 octet ICV [RFC4106]'
    : name.startsWith('chacha')
      ? 'ChaCha20 with Poly1305 [RFC8439]'
      : 'AES-CBC [RFC3602]'
  const integrity = {
    sha256: 'HMAC-SHA-256-128 [RFC4868]',
    sha384: 'HMAC-SHA-384-192 [RFC4868]',
    sha512: 'HMAC-SHA-512-256 [RFC4868]',
  }
  return [encryption, child.integrity === undefined ? 'NULL' : integrity[child.integrity.hash]]
}
