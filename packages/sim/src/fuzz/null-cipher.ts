import type { Cryptography, Encryption, Integrity, SkCipher } from '@brunel/crypto'

/**
 * The crypto port whose SK payloads hide and prove nothing, so that what is changed inside them reaches the parsers:
 * IV of zeros | plaintext | padding | Pad Length | ICV of zeros.
 */
export const throughNullCipher = (cryptography: Cryptography): Cryptography => ({
  ...cryptography,
  skCipher: (encryption, _key, integrity) => nullCipher(encryption, integrity),
})

function nullCipher(encryption: Encryption, integrity: Integrity | undefined): SkCipher {
  const { ivLength, blockLength } = encryption
  const icvLength = integrity?.icvLength ?? encryption.icvLength
  const padding = (length: number): number => (blockLength - ((length + 1) % blockLength)) % blockLength
  return {
    overhead: length => ivLength + padding(length) + 1 + icvLength,
    seal(_associated, plaintext) {
      const padded = padding(plaintext.length)
      const body = new Uint8Array(ivLength + plaintext.length + padded + 1 + icvLength)
      body.set(plaintext, ivLength)
      body[ivLength + plaintext.length + padded] = padded
      return body
    },
    open(_associated, body) {
      const end = body.length - icvLength
      const length = end - ivLength - 1 - (body[end - 1] ?? 0)
      return end <= ivLength || length < 0 ? 'ike-integrity' : body.slice(ivLength, ivLength + length)
    },
    wipe: () => undefined,
  }
}
