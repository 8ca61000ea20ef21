import fc from 'fast-check'
import t from 'tap'
import {
  DEFAULT_ESP_PROPOSALS,
  DEFAULT_IKE_PROPOSALS,
  describeEspProposal,
  describeIkeProposal,
  parseEspProposal,
  parseIkeProposal,
} from './proposal-words.js'
import { ENCRYPTIONS, type EspProposal, GROUPS, type IkeProposal, INTEGRITIES, PRFS } from './transforms.js'

const ike = (text: string): string => {
  const parsed = parseIkeProposal(text)
  return 'problem' in parsed ? `${parsed.problem} ${parsed.remedy}` : describeIkeProposal(parsed)
}
const esp = (text: string): string => {
  const parsed = parseEspProposal(text)
  return 'problem' in parsed ? `${parsed.problem} ${parsed.remedy}` : describeEspProposal(parsed)
}

for (const [text, want] of [
  ['aes256gcm16-prfsha384-x25519', 'aes256gcm16-prfsha384-x25519'],
  ['aes256-sha256-modp2048', 'aes256-sha256-prfsha256-modp2048'],
  ['aes-sha2_512-curve25519', 'aes128-sha512-prfsha512-x25519'],
  ['AES256GCM128-prfsha256-ecp384', 'aes256gcm16-prfsha256-ecp384'],
  ['aes256gcm16-sha384-ecp384', 'aes256gcm16-prfsha384-ecp384'],
  ['aes128gcm16-x25519', 'aes128gcm16-prfsha256-prfsha384-prfsha512-x25519'],
  ['modp4096-ecp521-sha512-aes192-aes256', 'aes192-aes256-sha512-prfsha512-modp4096-ecp521'],
  ['chacha20poly1305-chacha20poly1305-prfsha256-x25519', 'chacha20poly1305-prfsha256-x25519'],
  ['aes256gcm16-prfsha384-x25519-ke1_mlkem768', 'aes256gcm16-prfsha384-x25519-ke1_mlkem768'],
  [
    'ke2_none-ke2_ecp384-aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_mlkem1024',
    'aes256gcm16-prfsha384-x25519-ke1_mlkem768-ke1_mlkem1024-ke2_none-ke2_ecp384',
  ],
  ['aes128gcm16-prfsha256-ecp256-ke3_curve25519', 'aes128gcm16-prfsha256-ecp256-ke3_x25519'],
] as const)
  t.test(`IKE ${text} means ${want}`, async t => t.equal(ike(text), want))

for (const [text, want] of [
  ['aes256gcm16-esn', 'aes256gcm16-esn'],
  ['aes256-sha256', 'aes256-sha256-noesn'],
  ['aes128gcm16-aes256gcm16-x25519-noesn-esn', 'aes128gcm16-aes256gcm16-x25519-noesn-esn'],
  ['chacha20poly1305-sha256', 'chacha20poly1305-noesn'],
] as const)
  t.test(`ESP ${text} means ${want}`, async t => t.equal(esp(text), want))

for (const [text, want] of [
  ['aes256gcm16iiv-esn', 'aes256gcm16iiv-aes256gcm16-esn'],
  [
    'aes128gcm16iiv-chacha20poly1305iiv',
    'aes128gcm16iiv-chacha20poly1305iiv-aes128gcm16-chacha20poly1305-noesn',
  ],
  ['aes256gcm16-aes256gcm16iiv-x25519', 'aes256gcm16-aes256gcm16iiv-x25519-noesn'],
] as const)
  t.test(`RFC 8750 §5: ESP ${text} means ${want}`, async t => t.equal(esp(text), want))

t.test('RFC 8750 §8: an implicit IV is not allowed in IKE, and the sentence says where it belongs', async t =>
  t.match(
    ike('aes256gcm16iiv-prfsha384-x25519'),
    /RFC 8750 §8 has implicit IVs for ESP only.*esp\.proposals/,
  ),
)

t.test('RFC 8750 §8: the defaults do without', async t => {
  for (const text of DEFAULT_ESP_PROPOSALS) t.notMatch(text, 'iiv')
})

for (const [text, want] of [
  [
    'aes256gcm16-prfsha384-ke1_mlkem768',
    /names no Diffie-Hellman group to begin with.*RFC 9370 §2\.2\.2.*x25519/,
  ],
  ['aes256gcm16-prfsha384-x25519-ke8_mlkem768', /'ke8_mlkem768' in .* no algorithm we know.*ke1_mlkem768/],
  ['aes256gcm16-prfsha384-x25519-ke1_kyber3', /'ke1_kyber3' in .* no algorithm we know/],
  ['aes256gcm16-prfsha384-mlkem768', /'mlkem768' in .* no algorithm we know.*ke1_mlkem768/],
] as const)
  t.test(`RFC 9370 §2.2.1: IKE ${text} is refused, with the remedy`, async t => t.match(ike(text), want))

t.test(
  'RFC 9370 §2.2.4: ESP may name additional key exchanges behind a group, and not without one',
  async t => {
    t.equal(esp('aes256gcm16-x25519-ke1_mlkem768-esn'), 'aes256gcm16-x25519-ke1_mlkem768-esn')
    t.match(esp('aes256gcm16-ke1_mlkem768'), /names no Diffie-Hellman group to begin with.*-x25519/)
  },
)

t.test('the default begins with the post-quantum hybrid, and ends with what every router can do', async t => {
  const parsed = DEFAULT_IKE_PROPOSALS.map(text => parseIkeProposal(text) as IkeProposal)
  t.same(
    parsed.map(p => p.additional?.map(methods => methods.map(({ name }) => name))),
    [[['mlkem768', 'mlkem1024']], undefined, undefined],
  )
})

for (const [text, want] of [
  ['des-sha256-modp2048', /'des' is refused.*RFC 8247 §2\.1 says MUST NOT.*aes256gcm16/],
  ['3des-sha256-modp2048', /'3des' is refused.*RFC 8247 §2\.1/],
  ['null-sha256-modp2048', /'null' is refused.*RFC 8247 §2\.1 says MUST NOT/],
  ['aes256-md5-modp2048', /'md5' is refused.*RFC 8247 §2\.2 and §2\.3 say MUST NOT/],
  ['aes256-sha1-modp2048', /'sha1' is refused.*RFC 8247/],
  ['aes256gcm16-prfsha1-modp2048', /'prfsha1' is refused/],
  ['aes256gcm16-prfmd5-modp2048', /'prfmd5' is refused/],
  ['aes256-sha256-modp768', /'modp768' is refused.*RFC 8247 §2\.4 says MUST NOT/],
  ['aes256-sha256-modp1024', /'modp1024' is refused.*RFC 8247 §2\.4 says SHOULD NOT/],
  ['aes256-sha256-modp1536', /'modp1536' is refused.*RFC 8247 §2\.4/],
  ['aes256-sha256-modp1024s160', /'modp1024s160' is refused.*MUST NOT/],
  ['aes256-sha256-modp2048s224', /'modp2048s224' is refused/],
  ['aes256-sha256-modp2048s256', /'modp2048s256' is refused/],
  ['aes256gcm8-prfsha256-x25519', /'aes256gcm8' is refused/],
] as const)
  t.test(`RFC 8247 §2: IKE ${text} is refused, with the reason and the remedy`, async t =>
    t.match(ike(text), want),
  )

for (const [text, want] of [
  ['3des-sha256', /'3des' is refused.*RFC 8221 §5 says SHOULD NOT/],
  ['des-sha256', /RFC 8221 §5 says MUST NOT/],
  ['null-sha256', /'null' is refused.*does not encrypt/],
  ['blowfish256-sha256', /RFC 8221 §5 says MUST NOT/],
  ['aes256-md5', /RFC 8221 §6 says MUST NOT/],
  ['aes256-sha1', /RFC 8221 §6/],
  ['aes256-sha256-modp1024', /RFC 8247 §2\.4/],
] as const)
  t.test(`RFC 8221 §5, §6: ESP ${text} is refused, with the reason and the remedy`, async t =>
    t.match(esp(text), want),
  )

t.test('RFC 8221 §4: a cipher without integrity is refused, in IKE and in ESP', async t => {
  t.match(ike('aes256-prfsha256-x25519'), 'RFC 8221 §4')
  t.match(esp('aes256-esn'), 'RFC 8221 §4')
})

t.test('RFC 5282 §8: AEAD and other ciphers are never in one proposal', async t => {
  t.match(ike('aes256gcm16-aes256-sha256-x25519'), /RFC 5282 §8.*two proposals/)
  t.match(esp('aes256-chacha20poly1305-sha256'), 'RFC 5282 §8')
})

t.test('what belongs to the other kind, is missing or unknown is said in words', async t => {
  t.match(ike('aes256gcm16-prfsha256-x25519-esn'), 'belong to ESP')
  t.match(ike('aes256gcm16-prfsha256'), /no Diffie-Hellman group.*aes256gcm16-prfsha256-x25519/)
  t.match(ike('sha256-x25519'), 'names no cipher')
  t.match(esp('aes256gcm16-prfsha256'), 'a PRF belongs to IKE')
  t.match(esp('aes256gcm16-rot13'), /'rot13'.*no algorithm we know.*aes256gcm16/)
  t.match(esp('aes256gcm16--esn'), 'empty word')
  t.match(esp(''), 'empty word')
})

t.test('RFC 8247 §2: the defaults hold GCM-16, CBC with SHA2-256 and groups 14, 19 and 31', async t => {
  const all = DEFAULT_IKE_PROPOSALS.map(text => parseIkeProposal(text) as IkeProposal)
  t.notOk(all.some(p => 'problem' in p))
  for (const p of all) t.ok([14, 19, 31].every(id => p.groups.some(g => g.id === id)))
  t.ok(all.some(p => p.encryption.some(e => e.id === 20 && e.keyBits === 256)))
  t.ok(all.some(p => p.encryption.some(e => e.id === 12) && p.integrity.some(i => i.id === 12)))
  const esps = DEFAULT_ESP_PROPOSALS.map(text => parseEspProposal(text) as EspProposal)
  t.notOk(esps.some(p => 'problem' in p))
  t.ok(esps.every(p => p.esn[0] === true && p.esn.includes(false)))
})

t.test('what is described is parsed back to the same', async t => {
  const some = <T>(of: readonly T[]) => fc.shuffledSubarray([...of], { minLength: 1 })
  // Those with implicit IV bring another word with them: RFC 8750 §5.
  const aead = ENCRYPTIONS.filter(e => e.icvLength > 0 && !e.implicitIv)
  const cbc = ENCRYPTIONS.filter(e => e.icvLength === 0)
  const ciphers = fc.oneof(
    fc.record({ encryption: some(aead), integrity: fc.constant([]) }),
    fc.record({ encryption: some(cbc), integrity: some(INTEGRITIES) }),
  )
  fc.assert(
    fc.property(ciphers, some(PRFS), some(GROUPS), some([true, false]), (c, prf, groups, esn) => {
      const [a, b] = [
        { ...c, prf, groups },
        { ...c, groups, esn },
      ]
      t.same(parseIkeProposal(describeIkeProposal(a)), a)
      t.same(parseEspProposal(describeEspProposal(b)), b)
    }),
    { numRuns: 30 },
  )
})
