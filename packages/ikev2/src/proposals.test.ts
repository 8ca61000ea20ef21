import { type EspProposal, type IkeProposal, parseEspProposal, parseIkeProposal } from '@brunel/crypto'
import type { Ike } from '@brunel/wire'
import t from 'tap'
import { espSuiteText, ikeSuiteText, offerTexts } from './proposal-text.js'
import {
  answerOf,
  askedGroup,
  type Choice,
  chooseEsp,
  chooseIke,
  type EspSuite,
  firstGroup,
  offerEsp,
  offeredGroup,
  offerIke,
  verifyEspChoice,
  verifyIkeChoice,
} from './proposals.js'

const ikes = (...texts: string[]): IkeProposal[] => texts.map(text => parseIkeProposal(text) as IkeProposal)
const esps = (...texts: string[]): EspProposal[] => texts.map(text => parseEspProposal(text) as EspProposal)
const NO_SPI = new Uint8Array(0)
const IKE_SPI = new Uint8Array(8).fill(1)
const ESP_SPI = Uint8Array.of(0xc0, 0xff, 0xee, 1)
const X25519 = 31

const tr = (type: number, id: number, ...attributes: Ike.Attribute[]): Ike.Transform => ({
  type,
  id,
  attributes,
})
const bits = (value: number): Ike.Attribute => ({ type: 14, value })
const AES_CBC_256 = tr(1, 12, bits(256))
const AES_GCM_256 = tr(1, 20, bits(256))
const [PRF_SHA256, INTEG_SHA256, INTEG_NONE, MODP2048, CURVE, ESN, NO_ESN] = [
  tr(2, 5),
  tr(3, 12),
  tr(3, 0),
  tr(4, 14),
  tr(4, 31),
  tr(5, 1),
  tr(5, 0),
] as const

const sa = (protocol: number, spi: Uint8Array, ...lists: Ike.Transform[][]): Ike.SaPayload => ({
  type: 'SA',
  proposals: lists.map((transforms, i) => ({ number: i + 1, protocol, spi, transforms })),
})
const ikeSa = (...lists: Ike.Transform[][]): Ike.SaPayload => sa(1, NO_SPI, ...lists)
const espSa = (...lists: Ike.Transform[][]): Ike.SaPayload => sa(3, ESP_SPI, ...lists)

const chosenIke = (theirs: Ike.SaPayload, ours: IkeProposal[], keGroup = X25519): string => {
  const choice = chooseIke(theirs, ours, { exchange: 'ike', keGroup })
  return choice === undefined
    ? 'none'
    : typeof choice === 'string'
      ? choice
      : `${choice.number}: ${ikeSuiteText(choice.suite)}`
}
const chosenEsp = (
  theirs: Ike.SaPayload,
  ours: EspProposal[],
  exchange: 'esp' | 'esp-in-auth' = 'esp',
): string => {
  const choice = chooseEsp(theirs, ours, { exchange, keGroup: undefined })
  return choice === undefined
    ? 'none'
    : typeof choice === 'string'
      ? choice
      : `${choice.number}: ${espSuiteText(choice.suite)}`
}

t.test('RFC 7296 §3.3.1: an offer is numbered 1, 2, 3 and has the SPI of its exchange', async t => {
  const offer = offerIke(ikes('aes256gcm16-prfsha384-x25519', 'aes256-sha256-modp2048'), IKE_SPI)
  t.same(
    offer.proposals.map(p => [p.number, p.protocol, p.spi]),
    [
      [1, 1, IKE_SPI],
      [2, 1, IKE_SPI],
    ],
  )
  t.same(offerEsp(esps('aes256gcm16-esn'), ESP_SPI, 'esp').proposals[0]?.protocol, 3)
})

t.test('RFC 7296 §3.3, RFC 5282 §8: INTEG is not sent with an AEAD; AES carries its key length', async t => {
  const offer = offerIke(ikes('aes256gcm16-aes128gcm16-prfsha256-x25519', 'aes256-sha256-modp2048'), NO_SPI)
  t.same(offer.proposals[0]?.transforms, [AES_GCM_256, tr(1, 20, bits(128)), PRF_SHA256, CURVE])
  t.same(offer.proposals[1]?.transforms, [AES_CBC_256, PRF_SHA256, INTEG_SHA256, MODP2048])
  const chacha = offerEsp(esps('chacha20poly1305-esn-noesn'), ESP_SPI, 'esp')
  t.same(chacha.proposals[0]?.transforms, [tr(1, 28), ESN, NO_ESN], 'RFC 7634 §2: and ChaCha20 none')
})

t.test('RFC 7296 §1.2: there is no KE in the SA payload of IKE_AUTH', async t => {
  const ours = esps('aes256gcm16-x25519-noesn')
  t.same(offerEsp(ours, ESP_SPI, 'esp-in-auth').proposals[0]?.transforms, [AES_GCM_256, NO_ESN])
  t.same(offerEsp(ours, ESP_SPI, 'esp').proposals[0]?.transforms, [AES_GCM_256, CURVE, NO_ESN])
})

t.test('RFC 7296 §2.7: the responder chooses by its own order, and a group whose KE is there', async t => {
  const theirs = offerIke(
    ikes('aes128gcm16-prfsha256-modp2048-x25519', 'aes256gcm16-prfsha512-prfsha256-x25519-modp2048'),
    NO_SPI,
  )
  t.equal(
    chosenIke(theirs, ikes('aes256gcm16-prfsha256-x25519', 'aes128gcm16-prfsha256-x25519')),
    '2: aes256gcm16-prfsha256-x25519',
  )
  t.equal(
    chosenIke(theirs, ikes('aes128gcm16-prfsha256-x25519-modp2048'), 14),
    '1: aes128gcm16-prfsha256-modp2048',
  )
  t.equal(
    chosenIke(theirs, ikes('aes128gcm16-prfsha256-x25519-modp2048'), 19),
    '1: aes128gcm16-prfsha256-x25519',
  )
  t.equal(chosenIke(theirs, ikes('aes256-sha256-x25519')), 'none')
  t.equal(chosenIke(theirs, ikes('aes256gcm16-prfsha384-x25519')), 'none', 'no PRF in common')
  t.equal(chosenIke(theirs, ikes('aes256gcm16-prfsha256-ecp384')), 'none', 'no group in common')
})

const CBC = [AES_CBC_256, PRF_SHA256, INTEG_SHA256, MODP2048]
const GCM = [AES_GCM_256, PRF_SHA256, CURVE]
const OURS = ikes('aes256gcm16-prfsha256-x25519', 'aes256-sha256-modp2048')

for (const [title, theirs, want] of [
  [
    'RFC 7296 §3.3.6: an unknown transform type spoils its proposal, others are tried',
    ikeSa([...GCM, tr(6, 1)], CBC),
    '2: aes256-sha256-prfsha256-modp2048',
  ],
  ['RFC 7296 §3.3.6: transform type 0 is unknown too', ikeSa([...GCM, tr(0, 0)]), 'none'],
  [
    'RFC 7296 §3.3.6: an unknown transform ID is skipped',
    ikeSa([tr(1, 999, bits(256)), ...GCM, tr(2, 99), tr(4, 99)]),
    '1: aes256gcm16-prfsha256-x25519',
  ],
  [
    'RFC 7296 §3.3.6: a transform with an unknown attribute is skipped',
    ikeSa([tr(1, 20, bits(256), { type: 99, value: 1 }), ...CBC]),
    '1: aes256-sha256-prfsha256-modp2048',
  ],
  [
    'RFC 7296 §3.3.6: an unknown attribute alone is no key length',
    ikeSa([tr(1, 20, { type: 99, value: 256 }), PRF_SHA256, CURVE]),
    'none',
  ],
  [
    'RFC 7296 §3.3.3: a proposal without PRF is skipped',
    ikeSa([AES_GCM_256, CURVE], CBC),
    '2: aes256-sha256-prfsha256-modp2048',
  ],
  [
    'RFC 7296 §3.3.3: a proposal without cipher is skipped',
    ikeSa([PRF_SHA256, INTEG_SHA256, MODP2048]),
    'none',
  ],
  ['RFC 7296 §1.3.2: an IKE proposal without group is skipped', ikeSa([AES_GCM_256, PRF_SHA256]), 'none'],
  ['RFC 7296 §1.3.2: NONE is no group for IKE', ikeSa([AES_GCM_256, PRF_SHA256, tr(4, 0)]), 'none'],
  [
    'RFC 7296 §3.3.5, RFC 5282 §7.3: AES without Key Length is rejected',
    ikeSa([tr(1, 20), PRF_SHA256, CURVE], CBC),
    '2: aes256-sha256-prfsha256-modp2048',
  ],
  [
    'RFC 7296 §3.3.5: a key length that AES does not have',
    ikeSa([tr(1, 20, bits(160)), PRF_SHA256, CURVE]),
    'none',
  ],
  ['RFC 7296 §3.3.5: a Key Length with a PRF', ikeSa([AES_GCM_256, tr(2, 5, bits(256)), CURVE]), 'none'],
  [
    'RFC 7296 §3.3.5: a Key Length of a long form',
    ikeSa([tr(1, 20, { type: 14, value: Uint8Array.of(1, 0) }), PRF_SHA256, CURVE]),
    'none',
  ],
  [
    'RFC 5282 §8: an AEAD with INTEG NONE is accepted, and answered without INTEG',
    ikeSa([...GCM, INTEG_NONE]),
    '1: aes256gcm16-prfsha256-x25519',
  ],
  [
    'RFC 5282 §8: an AEAD with a choice of NONE and another INTEG takes NONE',
    ikeSa([...GCM, INTEG_SHA256, INTEG_NONE]),
    '1: aes256gcm16-prfsha256-x25519',
  ],
  ['RFC 5282 §8: an AEAD that insists on an INTEG is refused', ikeSa([...GCM, INTEG_SHA256]), 'none'],
  [
    'RFC 5282 §8: AEAD and other ciphers in one proposal are refused',
    ikeSa([AES_GCM_256, ...CBC, INTEG_NONE]),
    'none',
  ],
  [
    'RFC 8221 §4: CBC with INTEG NONE is refused',
    ikeSa([AES_CBC_256, PRF_SHA256, INTEG_NONE, MODP2048]),
    'none',
  ],
  ['RFC 8221 §4: CBC without INTEG is refused', ikeSa([AES_CBC_256, PRF_SHA256, MODP2048]), 'none'],
  ['RFC 7296 §3.3.1: an SPI in IKE_SA_INIT', sa(1, IKE_SPI, GCM), 'none'],
  ['RFC 7296 §3.3.1: an ESP proposal in IKE_SA_INIT', sa(3, NO_SPI, GCM), 'none'],
  [
    'RFC 7296 §3.3.1: proposals not numbered from 1',
    { type: 'SA', proposals: [{ number: 2, protocol: 1, spi: NO_SPI, transforms: GCM }] },
    'ike-payload',
  ],
] as [string, Ike.SaPayload, string][])
  t.test(`${title}: ${want}`, async t => t.equal(chosenIke(theirs, OURS), want))

t.test('RFC 7296 §3.3.1: numbers must run 1, 2, 3', async t => {
  const two = ikeSa(GCM, CBC).proposals
  t.equal(
    chosenIke({ type: 'SA', proposals: [two[1] as Ike.Proposal, two[0] as Ike.Proposal] }, OURS),
    'ike-payload',
  )
})

t.test('RFC 8247 §2: DES, MD5, group 1 and ENCR_NULL are never chosen', async t => {
  for (const weak of [tr(1, 2), tr(1, 3), tr(1, 11)])
    t.equal(chosenIke(ikeSa([weak, PRF_SHA256, INTEG_SHA256, MODP2048]), OURS), 'none', `ENCR ${weak.id}`)
  for (const group of [1, 2, 5, 22, 23, 24])
    t.equal(chosenIke(ikeSa([AES_GCM_256, PRF_SHA256, tr(4, group)]), OURS), 'none', `group ${group}`)
  for (const prf of [1, 2])
    t.equal(chosenIke(ikeSa([AES_GCM_256, tr(2, prf), CURVE]), OURS), 'none', `PRF ${prf}`)
  for (const integ of [1, 2, 3, 4])
    t.equal(
      chosenIke(ikeSa([AES_CBC_256, PRF_SHA256, tr(3, integ), MODP2048]), OURS),
      'none',
      `INTEG ${integ}`,
    )
})

t.test('RFC 7296 §3.3.1: the rekey of an IKE SA has an SPI of 8 octets, not zero', async t => {
  const at = { exchange: 'ike-rekey', keGroup: X25519 } as const
  t.match(chooseIke(sa(1, IKE_SPI, GCM), OURS, at), { spi: IKE_SPI, number: 1 })
  for (const spi of [NO_SPI, new Uint8Array(4).fill(1), new Uint8Array(8)])
    t.equal(chooseIke(sa(1, spi, GCM), OURS, at), undefined)
})

const ESP_OURS = esps('aes256gcm16-esn-noesn', 'aes256-sha256-noesn')
for (const [title, theirs, ours, want] of [
  [
    'RFC 7296 §3.3.3: ESP without ESN is rejected, others are tried',
    espSa([AES_GCM_256], [AES_CBC_256, INTEG_SHA256, NO_ESN]),
    ESP_OURS,
    '2: aes256-sha256-noesn',
  ],
  [
    'RFC 7296 §3.3.2: our preference of ESN counts',
    espSa([AES_GCM_256, NO_ESN, ESN]),
    ESP_OURS,
    '1: aes256gcm16-esn',
  ],
  ['RFC 7296 §3.3.2: no ESN in common', espSa([AES_GCM_256, ESN]), esps('aes256gcm16-noesn'), 'none'],
  [
    'RFC 7296 §3.3.2: an unknown ESN value is skipped',
    espSa([AES_GCM_256, tr(5, 2), NO_ESN]),
    ESP_OURS,
    '1: aes256gcm16-noesn',
  ],
  ['RFC 8221 §4: CBC without INTEG', espSa([AES_CBC_256, NO_ESN]), ESP_OURS, 'none'],
  ['RFC 7296 §3.3.1: an SPI of 8 octets', sa(3, IKE_SPI, [AES_GCM_256, NO_ESN]), ESP_OURS, 'none'],
  ['RFC 4303 §2.1: an SPI of 0', sa(3, new Uint8Array(4), [AES_GCM_256, NO_ESN]), ESP_OURS, 'none'],
  ['RFC 7296 §3.3.1: AH', sa(2, ESP_SPI, [AES_GCM_256, NO_ESN]), ESP_OURS, 'none'],
  ['RFC 7296 §1.3.1: PFS that only they want', espSa([AES_GCM_256, CURVE, NO_ESN]), ESP_OURS, 'none'],
  [
    'RFC 7296 §1.3.1: PFS that they offer as optional',
    espSa([AES_GCM_256, CURVE, tr(4, 0), NO_ESN]),
    ESP_OURS,
    '1: aes256gcm16-noesn',
  ],
  [
    'RFC 7296 §1.3.1: PFS that only we want',
    espSa([AES_GCM_256, NO_ESN]),
    esps('aes256gcm16-x25519'),
    'none',
  ],
  [
    'RFC 7296 §1.3.1: PFS in common',
    espSa([AES_GCM_256, MODP2048, CURVE, NO_ESN]),
    esps('aes256gcm16-x25519'),
    '1: aes256gcm16-x25519-noesn',
  ],
] as [string, Ike.SaPayload, EspProposal[], string][])
  t.test(`${title}: ${want}`, async t => t.equal(chosenEsp(theirs, ours), want))

t.test('RFC 7296 §1.2: in IKE_AUTH groups play no part', async t => {
  t.equal(chosenEsp(espSa([AES_GCM_256, CURVE, NO_ESN]), ESP_OURS, 'esp-in-auth'), '1: aes256gcm16-noesn')
  t.equal(
    chosenEsp(espSa([AES_GCM_256, NO_ESN]), esps('aes256gcm16-x25519'), 'esp-in-auth'),
    '1: aes256gcm16-noesn',
  )
})

t.test(
  'RFC 7296 §3.3.1: the answer is the chosen proposal, its number, our SPI, the attributes unmodified',
  async t => {
    const theirs = ikeSa([tr(1, 12, bits(128)), PRF_SHA256, INTEG_SHA256, MODP2048], [...GCM, INTEG_NONE])
    const choice = chooseIke(theirs, OURS, { exchange: 'ike', keGroup: X25519 }) as Choice<never>
    t.same(answerOf(choice, 1, NO_SPI), {
      type: 'SA',
      proposals: [{ number: 2, protocol: 1, spi: NO_SPI, transforms: GCM }],
    })
  },
)

t.test('RFC 7296 §2.7: what a responder of ours answers, an initiator of ours takes', async t => {
  const all = [
    'aes256gcm16-aes128gcm16-prfsha256-prfsha512-x25519-modp2048',
    'aes256-aes128-sha256-sha512-modp2048',
  ]
  for (const theirs of [
    'aes128gcm16-prfsha512-modp2048',
    'aes128-sha512-modp2048',
    'aes256-sha256-modp2048',
  ]) {
    const offer = offerIke(ikes(...all), NO_SPI)
    const choice = chooseIke(offer, ikes(theirs), { exchange: 'ike', keGroup: X25519 }) as Choice<never>
    const verified = verifyIkeChoice(answerOf(choice, 1, NO_SPI), offer, 'ike')
    t.same(verified?.suite, choice.suite, theirs)
  }
  const offer = offerEsp(esps('aes256gcm16-x25519-esn-noesn', 'aes256-sha256'), ESP_SPI, 'esp')
  for (const theirs of ['aes256gcm16-x25519-noesn', 'aes256-sha256']) {
    const choice = chooseEsp(offer, esps(theirs), { exchange: 'esp', keGroup: X25519 }) as Choice<EspSuite>
    t.same(
      verifyEspChoice(answerOf(choice, 3, Uint8Array.of(1, 2, 3, 4)), offer, 'esp')?.suite,
      choice.suite,
      theirs,
    )
  }
})

const OFFER = offerIke(
  ikes('aes256gcm16-aes128gcm16-prfsha256-x25519', 'aes256-sha256-modp2048-x25519'),
  NO_SPI,
)
const answer = (
  number: number,
  transforms: Ike.Transform[],
  change: Partial<Ike.Proposal> = {},
): Ike.SaPayload => ({
  type: 'SA',
  proposals: [{ number, protocol: 1, spi: NO_SPI, transforms, ...change }],
})
const verdict = (a: Ike.SaPayload): string => {
  const choice = verifyIkeChoice(a, OFFER, 'ike')
  return choice === undefined ? 'refused' : ikeSuiteText(choice.suite)
}

for (const [title, a, want] of [
  ['one of ours', answer(1, GCM), 'aes256gcm16-prfsha256-x25519'],
  [
    'one of ours, in another order',
    answer(2, [MODP2048, INTEG_SHA256, PRF_SHA256, AES_CBC_256]),
    'aes256-sha256-prfsha256-modp2048',
  ],
  [
    'INTEG NONE with an AEAD, as good as absent',
    answer(1, [...GCM, INTEG_NONE]),
    'aes256gcm16-prfsha256-x25519',
  ],
  ['a number we did not use', answer(3, GCM), 'refused'],
  ['the transforms of another of our proposals', answer(2, GCM), 'refused'],
  ['two transforms of one type', answer(1, [...GCM, tr(1, 20, bits(128))]), 'refused'],
  ['a type left out', answer(1, [AES_GCM_256, PRF_SHA256]), 'refused'],
  ['INTEG left out', answer(2, [AES_CBC_256, PRF_SHA256, MODP2048]), 'refused'],
  ['INTEG NONE where we offered one', answer(2, [AES_CBC_256, PRF_SHA256, INTEG_NONE, MODP2048]), 'refused'],
  ['a type we did not offer', answer(1, [...GCM, ESN]), 'refused'],
  ['an INTEG with an AEAD', answer(1, [...GCM, INTEG_SHA256]), 'refused'],
  ['another key length', answer(1, [tr(1, 20, bits(192)), PRF_SHA256, CURVE]), 'refused'],
  ['no key length', answer(1, [tr(1, 20), PRF_SHA256, CURVE]), 'refused'],
  ['an attribute added', answer(1, [AES_GCM_256, tr(2, 5, bits(256)), CURVE]), 'refused'],
  ['a group we did not offer there', answer(1, [AES_GCM_256, PRF_SHA256, MODP2048]), 'refused'],
  ['another protocol', answer(1, GCM, { protocol: 3 }), 'refused'],
  ['an SPI where none belongs', answer(1, GCM, { spi: IKE_SPI }), 'refused'],
  ['no proposal', { type: 'SA', proposals: [] }, 'refused'],
  ['two proposals', ikeSa(GCM, CBC), 'refused'],
] as [string, Ike.SaPayload, string][])
  t.test(`RFC 7296 §2.7, §3.3.6: the responder chose ${title}: ${want}`, async t => t.equal(verdict(a), want))

t.test('RFC 7296 §1.2: the group of an INVALID_KE_PAYLOAD is 2 octets, and one that we offered', async t => {
  const ours = ikes('aes256gcm16-prfsha256-x25519-ecp256', 'aes256-sha256-modp2048')
  t.equal(firstGroup(ours)?.name, 'x25519')
  t.equal(firstGroup(esps('aes256gcm16', 'aes256-sha256-modp2048'))?.name, 'modp2048')
  t.equal(firstGroup(esps('aes256gcm16')), undefined)
  t.equal(offeredGroup(ours, 14)?.name, 'modp2048')
  t.equal(offeredGroup(ours, 2), undefined)
  t.equal(askedGroup(Uint8Array.of(0, 14)), 14)
  t.equal(askedGroup(Uint8Array.of(14)), undefined)
  t.equal(askedGroup(Uint8Array.of(0, 14, 0)), undefined)
})

t.test('offers are shown in words, what we do not know by number', async t => {
  t.same(offerTexts(ikeSa(CBC, [tr(1, 3), tr(2, 2), tr(3, 2), tr(4, 2), tr(13, 35), tr(6, 36), tr(7, 99)])), [
    'aes256-sha256-prfsha256-modp2048',
    '3des-sha1-prfsha1-modp1024-ke1_mlkem768-ke2_99-type-13-35',
  ])
  t.same(offerTexts(espSa([tr(1, 20), tr(1, 23, bits(256)), ESN, NO_ESN])), ['encr-20-encr-23/256-esn-noesn'])
})
