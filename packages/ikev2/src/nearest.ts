import { parseEspProposal, parseIkeProposal } from '@brunel/crypto'
import { Ike } from '@brunel/wire'
import { inOrder, transformText } from './proposal-text.js'

/**
 * Two offers that have nothing in common, side by side: the pair of proposals that differs in least, and the one change
 * that would make it work.
 */
export interface Nearest {
  readonly ours: string
  readonly theirs: string
  /** `key exchange: x25519 here, modp2048 there`. */
  readonly differs: readonly string[]
  /** What to add to our proposals, if we accept it; and to theirs. */
  readonly here: string | undefined
  readonly there: string
}

type Kind = 'ike' | 'esp'

const NAMES: Readonly<Record<number, string>> = {
  [Ike.TRANSFORM.ENCR]: 'encryption',
  [Ike.TRANSFORM.PRF]: 'PRF',
  [Ike.TRANSFORM.INTEG]: 'integrity',
  [Ike.TRANSFORM.KE]: 'key exchange',
  [Ike.TRANSFORM.ESN]: 'extended sequence numbers',
}
const nameOf = (type: number): string =>
  NAMES[type] ?? `additional key exchange ${type - Ike.TRANSFORM.ADDKE1 + 1}`

const NONE = 'none'
/** RFC 7296 §3.3.3, RFC 9370 §2.2.1: left out, these are as good as NONE. */
const mayLack = (type: number): boolean => type !== Ike.TRANSFORM.ENCR && type !== Ike.TRANSFORM.PRF

/** The words of one proposal, by type of transform. */
type Choices = ReadonlyMap<number, readonly string[]>

function choicesOf({ transforms }: Ike.Proposal): Choices {
  const choices = new Map<number, string[]>()
  for (const transform of inOrder(transforms))
    choices.set(transform.type, [...(choices.get(transform.type) ?? []), wordOf(transform)])
  return choices
}

const wordOf = (transform: Ike.Transform): string =>
  transform.id === 0 && transform.type !== Ike.TRANSFORM.ESN && transform.type !== Ike.TRANSFORM.ENCR
    ? NONE
    : transformText(transform)

const of = (choices: Choices, type: number): readonly string[] =>
  choices.get(type) ?? (mayLack(type) ? [type === Ike.TRANSFORM.ESN ? 'noesn' : NONE] : [])

interface Pair {
  readonly ours: Choices
  readonly theirs: Choices
  readonly types: readonly number[]
  readonly unlike: readonly number[]
}

function pairOf(ours: Choices, theirs: Choices): Pair {
  const types = [...new Set([...ours.keys(), ...theirs.keys()])]
  const unlike = types.filter(type => !of(ours, type).some(word => of(theirs, type).includes(word)))
  return { ours, theirs, types, unlike }
}

export function nearest(kind: Kind, ours: Ike.SaPayload, theirs: Ike.SaPayload): Nearest | undefined {
  const pairs = ours.proposals.flatMap(mine =>
    theirs.proposals.map(other => pairOf(choicesOf(mine), choicesOf(other))),
  )
  const [first, ...rest] = pairs
  if (first === undefined) return undefined
  const best = rest.reduce((least, pair) => (pair.unlike.length < least.unlike.length ? pair : least), first)
  const here = mixed(best, 'theirs')
  return {
    ours: whole(best.ours),
    theirs: whole(best.theirs),
    differs: best.unlike.map(
      type =>
        `${nameOf(type)}: ${of(best.ours, type).join(', ')} here, ${of(best.theirs, type).join(', ')} there`,
    ),
    here: isAccepted(kind, here) ? here : undefined,
    there: mixed(best, 'ours'),
  }
}

const isWorth = (word: string): boolean => word !== NONE && word !== 'noesn'
const whole = (choices: Choices): string => [...choices.values()].flat().filter(isWorth).join('-')

/** What both have, and of the rest what one side has. */
function mixed({ ours, theirs, types }: Pair, side: 'ours' | 'theirs'): string {
  const [wanted, other] = side === 'ours' ? [ours, theirs] : [theirs, ours]
  return types
    .map(type => of(wanted, type).find(word => of(other, type).includes(word)) ?? of(wanted, type)[0] ?? NONE)
    .filter(isWorth)
    .join('-')
}

/** Weak ones and those that we do not know are not to be added here. */
const isAccepted = (kind: Kind, words: string): boolean =>
  !('problem' in (kind === 'ike' ? parseIkeProposal(words) : parseEspProposal(words)))
