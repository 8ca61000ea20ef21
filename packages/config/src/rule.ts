import type { Problem } from '@brunel/base'
import type { Code } from './codes.js'
import type { WholePeerDocument } from './defaults.js'

/** What the rules about one peer have in common. Pointers are relative to its document. */

export type Rule = (peer: WholePeerDocument) => readonly Problem[]

export const problem = (pointer: string, code: Code, detail: string, remedy: string): Problem => ({
  pointer,
  code,
  detail,
  remedy,
})

export function whole(pointer: string, value: number, [least, most]: readonly [number, number]): Problem[] {
  if (Number.isInteger(value) && value >= least && value <= most) return []
  const remedy = `Write a whole number from ${least} to ${most}.`
  return [problem(pointer, 'BRUNEL_CONFIG_RANGE', `${value} is out of range.`, remedy)]
}
