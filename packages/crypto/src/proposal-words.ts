import type { Encryption, EspProposal, Group, IkeProposal, Integrity, Prf } from './transforms.js'
import { ADDITIONAL_MOST, ENCRYPTIONS, GROUPS, INTEGRITIES, KEMS, NO_EXCHANGE, PRFS } from './transforms.js'
import { refusalOf } from './weak-words.js'

/**
 * Proposals as strongSwan's swanctl.conf writes them: words joined by '-', several of one kind allowed, in order of
 * preference: `aes256gcm16-prfsha384-x25519`, `aes128-aes256-sha256-modp2048-ecp256`, `aes256gcm16-esn-noesn`.
 * A cipher name that ends in `iiv` has an implicit IV (RFC 8750), for which strongSwan has no word.
 * `ke1_mlkem768` to `ke7_mlkem768` are additional key exchanges (RFC 9370), `ke1_none` makes one optional.
 */
export interface ProposalProblem {
  /** What is wrong, in a sentence. */
  readonly problem: string
  readonly remedy: string
}

/**
 * First the post-quantum hybrid, which a router that cannot do it skips, then those of today (RFC 9370 §2.2.1).
 * RFC 8247 §2: AES-GCM-16 and CBC with SHA2-256, groups 14, 19 and 31 among them. AEAD and
 * CBC apart: RFC 5282 §8.
 */
export const DEFAULT_IKE_PROPOSALS: readonly string[] = [
  'aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-prfsha512-x25519-ecp256-ecp384-modp2048-modp3072-ke1_mlkem768-ke1_mlkem1024',
  'aes256gcm16-aes128gcm16-chacha20poly1305-prfsha384-prfsha256-prfsha512-x25519-ecp256-ecp384-modp2048-modp3072',
  'aes256-aes128-sha256-sha384-sha512-prfsha256-prfsha384-prfsha512-x25519-ecp256-ecp384-modp2048-modp3072',
]

/** RFC 8221 §5, §6. Extended sequence numbers are preferred, and optional: some routers have none. */
export const DEFAULT_ESP_PROPOSALS: readonly string[] = [
  'aes256gcm16-aes128gcm16-chacha20poly1305-esn-noesn',
  'aes256-aes128-sha256-sha384-sha512-esn-noesn',
]

/** Other spellings that strongSwan knows. */
const ALIASES: Readonly<Record<string, string>> = {
  aes: 'aes128',
  aes128gcm128: 'aes128gcm16',
  aes192gcm128: 'aes192gcm16',
  aes256gcm128: 'aes256gcm16',
  sha2_256: 'sha256',
  sha2_384: 'sha384',
  sha2_512: 'sha512',
  curve25519: 'x25519',
}

interface Words {
  readonly encryption: readonly Encryption[]
  readonly integrity: readonly Integrity[]
  readonly prf: readonly Prf[]
  readonly groups: readonly Group[]
  readonly additional: readonly (readonly Group[])[]
  readonly esn: readonly boolean[]
}

export function parseIkeProposal(text: string): IkeProposal | ProposalProblem {
  const words = sort(text, 'ike')
  if ('problem' in words) return words
  if (words.esn.length > 0)
    return problem(
      `'${text}' is an IKE proposal; esn and noesn belong to ESP.`,
      'Move them to esp.proposals.',
    )
  const implicit = words.encryption.find(e => e.implicitIv)
  if (implicit !== undefined)
    return problem(
      `'${implicit.name}' is refused: RFC 8750 §8 has implicit IVs for ESP only.`,
      `Write ${explicitOf(implicit).name}, and move ${implicit.name} to esp.proposals.`,
    )
  const kem = `'${text}' names no Diffie-Hellman group`
  if (words.groups.length === 0 && words.additional.length > 0)
    return problem(
      `${kem} to begin with; an additional key exchange comes after one (RFC 9370 §2.2.2).`,
      `Write '${text}-x25519'.`,
    )
  if (words.groups.length === 0)
    return problem(`'${text}' names no Diffie-Hellman group.`, `Append one, such as '${text}-x25519'.`)
  const prf = prfsOf(words)
  if (prf.length === 0) return missingIntegrity(text)
  const { encryption, groups, additional } = words
  const integrity = isAead(encryption) ? [] : words.integrity
  return { encryption, integrity, prf, groups, ...(additional.length > 0 ? { additional } : {}) }
}

export function parseEspProposal(text: string): EspProposal | ProposalProblem {
  const words = sort(text, 'esp')
  if ('problem' in words) return words
  if (words.prf.length > 0)
    return problem(
      `'${text}' is an ESP proposal; a PRF belongs to IKE.`,
      'Move the prf… word to ike.proposals.',
    )
  const { groups, additional } = words
  if (groups.length === 0 && additional.length > 0)
    return problem(
      `'${text}' names no Diffie-Hellman group to begin with; an additional key exchange comes after one (RFC 9370 §2.2.4).`,
      `Write '${text}-x25519', or leave ke1_… out: the ESP keys come from those of IKE.`,
    )
  const encryption = besideExplicit(words.encryption)
  const integrity = isAead(encryption) ? [] : words.integrity
  // Without a word for it, strongSwan means no extended sequence numbers.
  const esn = words.esn.length > 0 ? words.esn : [false]
  return { encryption, integrity, groups, esn, ...(additional.length > 0 ? { additional } : {}) }
}

export const describeIkeProposal = (p: IkeProposal): string =>
  [
    ...[...p.encryption, ...p.integrity, ...p.prf, ...p.groups].map(({ name }) => name),
    ...additionalWords(p),
  ].join('-')

const additionalWords = ({
  additional = [],
}: {
  readonly additional?: IkeProposal['additional']
}): string[] => additional.flatMap((methods, i) => methods.map(({ name }) => `ke${i + 1}_${name}`))

export const describeEspProposal = (p: EspProposal): string =>
  [
    ...[...p.encryption, ...p.integrity, ...p.groups].map(({ name }) => name),
    ...additionalWords(p),
    ...p.esn.map(e => (e ? 'esn' : 'noesn')),
  ].join('-')

const explicitOf = ({ name }: Encryption): Encryption =>
  ENCRYPTIONS.find(e => `${e.name}iiv` === name) as Encryption

/** RFC 8750 §5: for peers that do not know it, the same algorithm with explicit IV is offered too. */
const besideExplicit = (encryption: readonly Encryption[]): readonly Encryption[] => [
  ...new Set([...encryption, ...encryption.filter(e => e.implicitIv).map(explicitOf)]),
]

const isAead = (encryption: readonly Encryption[]): boolean => encryption.some(e => e.icvLength > 0)

/** strongSwan's rule: a PRF that is not named is that of the integrity algorithm; an AEAD without either takes all. */
function prfsOf({ prf, integrity, encryption }: Words): readonly Prf[] {
  if (prf.length > 0) return prf
  const implied = PRFS.filter(p => integrity.some(i => i.hash === p.hash))
  return implied.length > 0 ? implied : isAead(encryption) ? PRFS : []
}

/** The words by kind, each once; or the first thing that is wrong with them. */
function sort(text: string, of: 'ike' | 'esp'): Words | ProposalProblem {
  const words = text
    .trim()
    .toLowerCase()
    .split('-')
    .map(word => ALIASES[word] ?? word)
  for (const word of words) {
    if (isKnown(word)) continue
    return refusalOf(word, of) ?? unknownWord(word, text)
  }
  const named = <K extends { name: string }>(all: readonly K[]): readonly K[] =>
    [...new Set(words)].map(word => all.find(k => k.name === word)).filter(k => k !== undefined)
  const encryption = named(ENCRYPTIONS)
  const integrity = named(INTEGRITIES)
  if (encryption.length === 0)
    return problem(`'${text}' names no cipher.`, `Put one in front, such as 'aes256gcm16-${text}'.`)
  if (isAead(encryption) && encryption.some(e => e.icvLength === 0))
    return problem(
      `'${text}' mixes combined-mode ciphers with CBC, which RFC 5282 §8 forbids in one proposal.`,
      'Write two proposals, one for each kind.',
    )
  if (!isAead(encryption) && integrity.length === 0) return missingIntegrity(text)
  const esn = [...new Set(words)].filter(w => w === 'esn' || w === 'noesn').map(w => w === 'esn')
  return {
    encryption,
    integrity,
    prf: named(PRFS),
    groups: named(GROUPS),
    additional: additionalOf(words),
    esn,
  }
}

const isKnown = (word: string): boolean =>
  word === 'esn' ||
  word === 'noesn' ||
  additionalMethod(word) !== undefined ||
  [ENCRYPTIONS, INTEGRITIES, PRFS, GROUPS].some(kind => kind.some(({ name }) => name === word))

/** `ke1_mlkem768`: which one, and the method. */
function additionalMethod(word: string): { readonly index: number; readonly method: Group } | undefined {
  const [, digit, name] = /^ke([1-9])_(.+)$/.exec(word) ?? []
  const index = Number(digit)
  const method = [...KEMS, ...GROUPS, NO_EXCHANGE].find(g => g.name === (ALIASES[name ?? ''] ?? name))
  return method === undefined || index > ADDITIONAL_MOST ? undefined : { index, method }
}

/** By transform type, each method once; those before the last one that is named may be empty. */
function additionalOf(words: readonly string[]): readonly (readonly Group[])[] {
  const found = words.map(additionalMethod).filter(word => word !== undefined)
  const last = Math.max(0, ...found.map(({ index }) => index))
  return Array.from({ length: last }, (_, i) => [
    ...new Set(found.filter(({ index }) => index === i + 1).map(({ method }) => method)),
  ])
}

const problem = (what: string, remedy: string): ProposalProblem => ({ problem: what, remedy })

const missingIntegrity = (text: string): ProposalProblem =>
  problem(
    `'${text}' encrypts without integrity, which RFC 8221 §4 forbids.`,
    'Add sha256, or use a combined-mode cipher such as aes256gcm16.',
  )

const unknownWord = (word: string, text: string): ProposalProblem =>
  problem(
    word === '' ? `'${text}' has an empty word.` : `'${word}' in '${text}' is no algorithm we know.`,
    `Use ${[ENCRYPTIONS, INTEGRITIES, PRFS, GROUPS].map(kind => kind.map(({ name }) => name).join(', ')).join('; ')}; ${KEMS.map(({ name }) => `ke1_${name}`).join(', ')}; esn, noesn.`,
  )
