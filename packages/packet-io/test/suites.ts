import type { SealerSa } from '../src/contract.js'

export interface Suite {
  readonly cipher: SealerSa['cipher']
  readonly integrity: SealerSa['integrity']
  /** With the salt. */
  readonly keyLength: number
  readonly integrityKeyLength: number
  readonly ivLength: number
  readonly blockLength: number
  readonly icvLength: number
}

const aead = (cipher: 'aes-gcm' | 'chacha20-poly1305', keyLength: number): Suite => ({
  cipher,
  integrity: undefined,
  keyLength: keyLength + 4,
  integrityKeyLength: 0,
  ivLength: 8,
  blockLength: 4,
  icvLength: 16,
})
const cbc = (keyLength: number, integrity: 'sha256' | 'sha384' | 'sha512', hash: number): Suite => ({
  cipher: 'aes-cbc',
  integrity,
  keyLength,
  integrityKeyLength: hash,
  ivLength: 16,
  blockLength: 16,
  icvLength: hash / 2,
})

export const SUITES = {
  aes128gcm16: aead('aes-gcm', 16),
  aes256gcm16: aead('aes-gcm', 32),
  chacha20poly1305: aead('chacha20-poly1305', 32),
  'aes128-sha256': cbc(16, 'sha256', 32),
  'aes256-sha512': cbc(32, 'sha512', 64),
} as const satisfies Record<string, Suite>

export type SuiteName = keyof typeof SUITES
