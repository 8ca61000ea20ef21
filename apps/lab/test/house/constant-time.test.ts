/** How long a comparison takes must tell nothing of a secret: RFC 7296 §3.14, RFC 4303 §3.4.4, RFC 8247 §4. */
import t from 'tap'
import { isTest, sources, withoutComments } from '../../src/docs/sources.js'

const WATCHED = /^(packages\/(wire|crypto|ikev2|esp|store|admin-api|packet-io)|apps\/bruneld)\//

/** Comparisons of octets that end at the first difference. `CRYPTO_memcmp` does not. */
const EARLY_EXIT = [
  /\b(Buffer\.compare|sameOctets|(?<!CRYPTO_)memcmp)\s*\(/,
  /\.equals\s*\(/,
  /\bhex(Of)?\([^()]*\)\s*[!=]==/,
  /[!=]==\s*(\w+\.)?hex(Of)?\(/,
  /\.every\(\(?\w+, ?i\)? =>/,
  /\b(psk|icv|cookie|auth|mac|secret|digest)\w*(\.(data|octets|bytes))? [!=]== (?!(undefined|null|'|"|\d))/i,
]

/** Such lines, and what they compare, which is no secret. */
const PUBLIC: readonly (readonly [path: string, line: RegExp, what: string])[] = [
  ['packages/crypto/src/certification.ts', /sameOctets\(name\.octets/, 'names'],
  ['packages/crypto/src/certification.ts', /key\.equals\(theirs\)/, 'public keys'],
  ['packages/crypto/src/key-agreement.ts', /Buffer\.compare\(y, (one|top)\)/, 'public values'],
  ['packages/crypto/src/signature-algorithm.ts', /hexOf\(oid\.value\) === MGF1/, 'names of algorithms'],
  ['packages/crypto/src/x509/', /sameOctets\(|\.every\(\(rdn, i\)/, 'certificates'],
  ['packages/crypto/src/der.ts', /sameOctets = /, 'certificates'],
  ['packages/ikev2/src/redirect.ts', /Wire\.hex\(by\.nonce\)/, 'a nonce that is on the wire in the clear'],
  ['packages/ikev2/src/transform-match.ts', /\.attributes\.every\(|Ike\.hex\(/, 'attributes of transforms'],
  ['packages/ikev2/src/inner-mtu.ts', /VENDOR_ID\.length/, 'Vendor IDs'],
  ['packages/ikev2/src/ppk.ts', /const sameOctets|sameOctets\(named\./, 'names of PPKs'],
  ['packages/wire/src/address.ts', /bytes\.every\(/, 'addresses'],
  ['packages/packet-io/native/coalesce.cc', /memcmp\(a \+/, 'headers of packets'],
]

t.test('octets are compared in constant time, or it is said why they are no secret', async t => {
  const watched = [...sources(), ...sources(/\.(cc|h)$/)].filter(
    ({ path }) => WATCHED.test(path) && !isTest(path),
  )
  t.ok(watched.length > 100, `${watched.length} files`)
  const used = new Set<unknown>()
  for (const { path, text } of watched)
    for (const line of withoutComments(text).split('\n')) {
      if (!EARLY_EXIT.some(pattern => pattern.test(line))) continue
      const known = PUBLIC.find(([where, what]) => path.startsWith(where) && what.test(line))
      used.add(known)
      if (known === undefined) t.fail(`${path}: ${line.trim()}`)
    }
  for (const entry of PUBLIC) t.ok(used.has(entry), `${entry[0]}: ${entry[2]} are still compared so`)
})

/** Where a proof or a secret from outside meets ours. */
const PROOFS: readonly (readonly [what: string, path: string, how: RegExp])[] = [
  ['the ICV of an SK payload', 'packages/crypto/src/sk-cipher.ts', /if \(!equal\(icv, /],
  ['the ICV of an ESP packet', 'packages/packet-io/native/aead.cc', /CRYPTO_memcmp\(digest, /],
  ['AUTH by a pre-shared key', 'packages/ikev2/src/psk-auth.ts', /crypto\.equal\(pskAuth\(/],
  ['a cookie', 'packages/ikev2/src/cookie.ts', /crypto\.equal\(cookie, /],
  ['the link of a follow-up', 'packages/ikev2/src/exchanges/follow-up.ts', /crypto\.equal\(link, /],
  ['a stored pre-shared key', 'apps/bruneld/src/configuration.ts', /timingSafeEqual\(/],
  ['octets at all', 'packages/crypto/src/secret.ts', /sodium\.sodium_memcmp\(/],
]

for (const [what, path, how] of PROOFS)
  t.test(`${what}: compared in constant time`, async t => {
    const text = sources(/\.(ts|cc)$/).find(source => source.path === path)?.text ?? ''
    t.match(withoutComments(text), how)
  })
