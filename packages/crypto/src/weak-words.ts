import type { ProposalProblem } from './proposal-words.js'

/**
 * Words of strongSwan that we refuse, and why. RFC 8247 §2 says it for IKE, RFC 8221 §5 and §6 for ESP; "our own
 * choice" where they would still allow it.
 */
interface Refusal {
  readonly words: readonly string[]
  readonly ike: string
  readonly esp: string
  readonly remedy: string
}

const CIPHER = 'Use aes256gcm16, chacha20poly1305, or aes256-sha256.'
const HASH = 'Use sha256, sha384 or sha512 (as a PRF: prfsha256, prfsha384 or prfsha512).'
const GROUP = 'Use x25519, ecp256 or modp2048.'

const REFUSALS: readonly Refusal[] = [
  {
    words: ['des', 'des_iv64', 'des_iv32'],
    ike: 'its key can be found by trying; RFC 8247 §2.1 says MUST NOT',
    esp: 'its key can be found by trying; RFC 8221 §5 says MUST NOT',
    remedy: CIPHER,
  },
  {
    words: ['3des'],
    ike: 'its blocks of 64 bits leak after some gigabytes; RFC 8247 §2.1 downgraded it, and we refuse it',
    esp: 'its blocks of 64 bits leak after some gigabytes; RFC 8221 §5 says SHOULD NOT',
    remedy: CIPHER,
  },
  {
    words: ['blowfish', 'blowfish128', 'blowfish192', 'blowfish256', 'cast128', 'idea', 'rc5'],
    ike: 'RFC 8247 §2.1 does not have it',
    esp: 'RFC 8221 §5 says MUST NOT',
    remedy: CIPHER,
  },
  {
    words: ['null'],
    ike: 'it does not encrypt; RFC 8247 §2.1 says MUST NOT',
    esp: 'it does not encrypt, and this link promises that it does (RFC 8221 §5 would allow it)',
    remedy: CIPHER,
  },
  {
    words: ['md5', 'md5_128', 'prfmd5', 'hmac_md5'],
    ike: 'MD5 is broken; RFC 8247 §2.2 and §2.3 say MUST NOT',
    esp: 'MD5 is broken; RFC 8221 §6 says MUST NOT',
    remedy: HASH,
  },
  {
    words: ['sha', 'sha1', 'sha1_160', 'prfsha1'],
    ike: 'SHA-1 is on its way out; RFC 8247 §2.2 and §2.3 say MUST-, and we refuse it',
    esp: 'SHA-1 is on its way out; RFC 8221 §6 says MUST-, and we refuse it',
    remedy: HASH,
  },
  {
    words: ['modp768', 'modp1024s160'],
    ike: 'the group is too small; RFC 8247 §2.4 says MUST NOT',
    esp: 'the group is too small; RFC 8247 §2.4 says MUST NOT',
    remedy: GROUP,
  },
  {
    words: ['modp1024', 'modp1536', 'modp2048s224', 'modp2048s256'],
    ike: 'RFC 8247 §2.4 says SHOULD NOT',
    esp: 'RFC 8247 §2.4 says SHOULD NOT',
    remedy: GROUP,
  },
  {
    words: ['ecp192', 'ecp224', 'ecp224bp'],
    ike: 'the group is smaller than those of RFC 8247 §2.4',
    esp: 'the group is smaller than those of RFC 8247 §2.4',
    remedy: GROUP,
  },
  {
    words: ['modpnone', 'none'],
    ike: 'IKE is nothing without a key exchange (RFC 7296 §1.2)',
    esp: 'leave the group out to have no key exchange of the child (RFC 7296 §1.3.1)',
    remedy: GROUP,
  },
  {
    words: [128, 192, 256].flatMap(bits => [8, 12, 64, 96].map(icv => `aes${bits}gcm${icv}`)),
    ike: 'a short ICV is easier to forge; RFC 8247 §2.1 lists GCM with 16 octets only',
    esp: 'a short ICV is easier to forge; RFC 8221 §5 lists GCM with 16 octets only',
    remedy: 'Use aes128gcm16 or aes256gcm16.',
  },
  {
    words: ['sha256_96'],
    ike: 'it is a mistake of old kernels, not a transform of RFC 8247 §2.3',
    esp: 'it is a mistake of old kernels, not a transform of RFC 8221 §6',
    remedy: HASH,
  },
]

/** Why a word is refused, or undefined where we do not know it at all. */
export function refusalOf(word: string, of: 'ike' | 'esp'): ProposalProblem | undefined {
  const refusal = REFUSALS.find(({ words }) => words.includes(word))
  return refusal && { problem: `'${word}' is refused: ${refusal[of]}.`, remedy: refusal.remedy }
}
