import type { Nonces } from './key-schedule.js'

/** Octet by octet; where one ends, that one is the lower: RFC 7296 §2.8.1. */
export function isLower(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference < 0
  }
  return a.length < b.length
}

/** The lower of the two nonces that made an SA. */
export const lowerNonce = ({ ni, nr }: Nonces): Uint8Array => (isLower(ni, nr) ? ni : nr)

/**
 * Both ends rekeyed one SA at the same time and there are two new ones: RFC 7296 §2.8.1, for IKE SAs §2.8.2.
 *
 *     we   N(REKEY_SA), SA, Ni1 ──>   <── N(REKEY_SA), SA, Ni2   peer
 *          <── SA, Nr1                      SA, Nr2 ──>
 *
 * The one made with the lowest of the four nonces is redundant. Its creator deletes it; the creator of the survivor
 * deletes the old SA. 'ours': we created the redundant one, so we delete it and leave the old SA to the peer.
 * 'theirs': we delete the old SA and leave the redundant one to the peer. Only exchanges that succeeded count.
 */
export const redundantOf = (ours: Nonces, theirs: Nonces): 'ours' | 'theirs' =>
  isLower(lowerNonce(ours), lowerNonce(theirs)) ? 'ours' : 'theirs'

export type RekeyAnswer = 'accept' | 'TEMPORARY_FAILURE' | 'CHILD_SA_NOT_FOUND'

/**
 * What a request to rekey a child is answered with. `child`: as we know the SA that REKEY_SA names; 'replaced' means
 * that our own rekey of it has finished and our Delete waits or is under way.
 */
export function answerToChildRekey(
  child: 'unknown' | 'installed' | 'rekeying' | 'replaced' | 'closing',
  ikeSa: 'steady' | 'rekeying' | 'closing',
): RekeyAnswer {
  if (ikeSa !== 'steady') return 'TEMPORARY_FAILURE' // RFC 7296 §2.25.2
  if (child === 'unknown') return 'CHILD_SA_NOT_FOUND' // RFC 7296 §2.25.1
  return child === 'installed' || child === 'rekeying' ? 'accept' : 'TEMPORARY_FAILURE' // RFC 7296 §2.25.1
}

/** What a request to rekey the IKE SA is answered with; `childBusy`: we are creating, rekeying or closing a child. */
export function answerToIkeRekey(
  ikeSa: 'steady' | 'rekeying' | 'replaced' | 'closing',
  childBusy: boolean,
): 'accept' | 'TEMPORARY_FAILURE' {
  if (ikeSa === 'replaced' || ikeSa === 'closing') return 'TEMPORARY_FAILURE' // RFC 7296 §2.8.2, §2.25.2
  return childBusy ? 'TEMPORARY_FAILURE' : 'accept' // RFC 7296 §2.25.2
}
