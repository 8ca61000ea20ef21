import type { Problem } from '@brunel/base'
import { parseEspProposal, parseIkeProposal } from '@brunel/crypto'

/** A weak, unknown or malformed proposal is refused with the words of the package that knows why. */
function faultsOf(
  pointer: string,
  texts: readonly string[],
  parse: (text: string) => object | { readonly problem: string; readonly remedy: string },
): Problem[] {
  if (texts.length === 0) {
    const remedy = 'Leave `proposals` out for the default list.'
    return [{ pointer, code: 'BRUNEL_CONFIG_PROPOSAL', detail: 'The list of proposals is empty.', remedy }]
  }
  return texts.flatMap((text, index) => {
    const parsed = parse(text)
    if (!('problem' in parsed)) return []
    const { problem, remedy } = parsed
    return [{ pointer: `${pointer}/${index}`, code: 'BRUNEL_CONFIG_PROPOSAL', detail: problem, remedy }]
  })
}

export const ikeProposalFaults = (pointer: string, texts: readonly string[]): Problem[] =>
  faultsOf(pointer, texts, parseIkeProposal)
export const espProposalFaults = (pointer: string, texts: readonly string[]): Problem[] =>
  faultsOf(pointer, texts, parseEspProposal)
