import type { Mutant } from './fuzz.js'

/** Drops and failures, whatever else was said and however often. */
const gist = (reaction: string): string =>
  [...new Set(reaction.split('; ').filter(part => /^drop |^BRUNEL_/.test(part)))]
    .sort()
    .join('; ')
    .replace(/\d+/g, 'n')

/**
 * The mutants worth keeping: the shortest for each kind of reaction, as lines of `topic nth hex`, sorted, so that a new
 * find is one new line.
 */
export function corpusText(mutants: readonly Mutant[]): string {
  const shortest = new Map<string, Mutant>()
  for (const mutant of mutants) {
    const kind = gist(mutant.reaction)
    const known = shortest.get(kind)
    if (known === undefined || mutant.bytes.length < known.bytes.length) shortest.set(kind, mutant)
  }
  const lines = [...shortest.values()].map(m => `${m.topic} ${m.nth} ${Buffer.from(m.bytes).toString('hex')}`)
  return `${lines.sort().join('\n')}\n`
}

export const parseCorpus = (text: string): readonly Omit<Mutant, 'reaction'>[] =>
  text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [topic = '', nth = '', hex = ''] = line.split(' ')
      return { topic, nth: Number(nth), bytes: new Uint8Array(Buffer.from(hex, 'hex')) }
    })
