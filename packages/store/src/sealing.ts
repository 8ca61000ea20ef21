import { openSecret, sealSecret, secretCopy, wipe } from '@brunel/crypto'

/** Seals secrets under the key of the store. `context` must be the same to open one. */
export interface Sealing {
  /** Wipes what it sealed. */
  seal(secret: Uint8Array, context: string): Uint8Array
  /** In secret memory; undefined where the key or the context is another, or the octets were touched. */
  open(sealed: Uint8Array, context: string): Uint8Array | undefined
  wipe(): void
}

/** Takes the key over into secret memory. */
export function sealingWith(given: Uint8Array): Sealing {
  const key = secretCopy(given)
  wipe(given)
  return {
    seal(secret, context) {
      const sealed = sealSecret(key, secret, context)
      wipe(secret)
      return sealed
    },
    open: (sealed, context) => openSecret(key, sealed, context),
    wipe: () => wipe(key),
  }
}
