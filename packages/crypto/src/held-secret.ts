import { secretMemory, wipe } from './secret.js'

/** The longest key that IKE keeps: SK_a of SHA2-512. Longer ones get memory of their own. */
const SLOT = 64
/** One allocation of secret memory takes two guard pages and one of management: many keys share one. */
const SLOTS = 1024

/** A secret that lives until it is released. */
export interface HeldSecret {
  readonly octets: Uint8Array
  /** Overwrites it with zeros; its memory serves the next one, so that nobody may use `octets` any more. */
  release(): void
}

const free: Uint8Array[] = []

/** A copy; the source stays as it is. */
export function hold(source: Uint8Array): HeldSecret {
  const held = holdRoom(source.length)
  held.octets.set(source)
  return held
}

/** Room for a secret of known life in locked memory, zeros at first. Who holds it must release it. */
export function holdRoom(length: number): HeldSecret {
  const slot = length <= SLOT ? takeSlot() : secretMemory(length)
  let held = true
  return {
    octets: slot.length === length ? slot : slot.subarray(0, length),
    release() {
      if (!held) return
      held = false
      wipe(slot)
      if (length <= SLOT) free.push(slot)
    },
  }
}

function takeSlot(): Uint8Array {
  if (free.length === 0) {
    const slab = secretMemory(SLOT * SLOTS)
    for (let at = 0; at < slab.length; at += SLOT) free.push(slab.subarray(at, at + SLOT))
  }
  return free.pop() as Uint8Array
}
