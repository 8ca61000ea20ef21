/** The part of sodium-native that we use. Functions write into their first argument and throw where libsodium fails. */
declare module 'sodium-native' {
  interface Sodium {
    readonly crypto_scalarmult_BYTES: number
    readonly crypto_scalarmult_SCALARBYTES: number
    readonly crypto_aead_xchacha20poly1305_ietf_KEYBYTES: number
    readonly crypto_aead_xchacha20poly1305_ietf_NPUBBYTES: number
    readonly crypto_aead_xchacha20poly1305_ietf_ABYTES: number
    sodium_malloc(length: number): Uint8Array
    sodium_memzero(secret: Uint8Array): void
    sodium_memcmp(a: Uint8Array, b: Uint8Array): boolean
    randombytes_buf(into: Uint8Array): void
    crypto_scalarmult_base(publicValue: Uint8Array, secret: Uint8Array): void
    crypto_scalarmult(shared: Uint8Array, secret: Uint8Array, publicValue: Uint8Array): void
    crypto_aead_xchacha20poly1305_ietf_encrypt(
      ciphertext: Uint8Array,
      plaintext: Uint8Array,
      associated: Uint8Array,
      secretNonce: null,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number
    crypto_aead_xchacha20poly1305_ietf_decrypt(
      plaintext: Uint8Array,
      secretNonce: null,
      ciphertext: Uint8Array,
      associated: Uint8Array,
      nonce: Uint8Array,
      key: Uint8Array,
    ): number
  }
  const sodium: Sodium
  export = sodium
}
