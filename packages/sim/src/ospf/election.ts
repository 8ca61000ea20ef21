import { Address } from '@brunel/wire'
import { octets } from './lsa.js'
import { NOBODY } from './packets.js'

/** A router of a broadcast network, as its Hellos show it. */
export interface Candidate {
  readonly id: string
  readonly address: string
  readonly priority: number
  readonly designatedRouter: string
  readonly backup: string
}

export interface Elected {
  readonly designatedRouter: string
  readonly backup: string
}

export const higherId = (a: string, b: string): boolean => Address.compare(octets(a), octets(b)) > 0

const highest = (some: readonly Candidate[]): string =>
  some.reduce<Candidate | undefined>(
    (best, one) =>
      best === undefined ||
      one.priority > best.priority ||
      (one.priority === best.priority && higherId(one.id, best.id))
        ? one
        : best,
    undefined,
  )?.address ?? NOBODY

/** RFC 2328 §9.4, steps 2 and 3. */
function once(all: readonly Candidate[]): Elected {
  const list = all.filter(({ priority }) => priority > 0)
  const declared = list.filter(one => one.designatedRouter === one.address)
  const others = list.filter(one => one.designatedRouter !== one.address)
  const backups = others.filter(one => one.backup === one.address)
  const backup = highest(backups.length > 0 ? backups : others)
  return { backup, designatedRouter: declared.length > 0 ? highest(declared) : backup }
}

/** `self` is one of the list; its own claims are those of its last election. */
export function elect(self: Candidate, others: readonly Candidate[]): Elected {
  const first = once([self, ...others])
  const was = [self.designatedRouter === self.address, self.backup === self.address]
  const is = [first.designatedRouter === self.address, first.backup === self.address]
  // Step 4: nobody declares itself both.
  return was[0] === is[0] && was[1] === is[1] ? first : once([{ ...self, ...first }, ...others])
}
