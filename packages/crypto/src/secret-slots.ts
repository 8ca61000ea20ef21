import { bug } from '@brunel/base'
import { secretMemory, wipe } from './secret.js'

/**
 * Secret memory for secrets that live for one exchange: slots of 32 octets cut out of a few large pieces. A piece of
 * its own for each would cost three mappings and a call of the garbage collector's mercy to get them back; under a
 * flood of IKE_SA_INIT the kernel's limit on mappings (65,530) ends the process.
 */
export const SLOT = 32
/** Slots in one piece. Fewer: more mappings. More: memory locked that a small router never needs. */
const SLOTS = 512

const free: Uint8Array[] = []

/** A slot of zeros. Give it back, or it is lost. */
export function takeSlot(): Uint8Array {
  if (free.length === 0) {
    const piece = secretMemory(SLOT * SLOTS)
    for (let at = 0; at < piece.length; at += SLOT) {
      const slot = piece.subarray(at, at + SLOT)
      wipe(slot)
      free.push(slot)
    }
  }
  return free.pop() ?? bug('no slot in a new piece')
}

/** Wipes it; it is not to be used any more. */
export function giveBack(slot: Uint8Array): void {
  wipe(slot)
  free.push(slot)
}
