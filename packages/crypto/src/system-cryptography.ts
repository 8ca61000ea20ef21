import { bug, type Random } from '@brunel/base'
import type { Cryptography } from './cryptography.js'
import { encapsulate, kemKeyPair } from './kem.js'
import { keyPair } from './key-agreement.js'
import { prf, prfPlus, sha1 } from './prf.js'
import { systemRandom } from './random.js'
import { equal, wipe } from './secret.js'
import { aeadCipher, cbcCipher } from './sk-cipher.js'

/** Real computations with a given source of initialisation vectors; private values always come from the system. */
export const cryptographyWith = (random: Pick<Random, 'bytes'>): Cryptography => ({
  prf,
  prfPlus,
  keyPair: group => (group.ciphertextLength === undefined ? keyPair(group) : kemKeyPair(group)),
  encapsulate,
  skCipher(encryption, encryptionKey, integrity, integrityKey) {
    // RFC 8247 §2.1, RFC 8221 §4: nothing is ever encrypted without integrity.
    if (encryption.icvLength > 0) return aeadCipher(encryption, encryptionKey)
    if (integrity === undefined) return bug(`${encryption.name} without integrity`)
    return cbcCipher({ encryption, encryptionKey, integrity, integrityKey }, random)
  },
  sha1,
  equal,
  wipe,
})

/** What production uses. */
export const systemCryptography: Cryptography = cryptographyWith(systemRandom)
