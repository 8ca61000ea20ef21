import { Ospf } from '@brunel/wire'

export type Instance = Pick<Ospf.LsaHeader, 'sequence' | 'checksum' | 'age'>

/** Seconds, RFC 2328 §B: instances that differ in age by less are of the same origin. */
const MAX_AGE_DIFF = 900

/** RFC 2328 §13.1: above 0 where `a` is the newer instance, 0 where they are the same one. */
export function newer(a: Instance, b: Instance): number {
  if (a.sequence !== b.sequence) return a.sequence - b.sequence
  if (a.checksum !== b.checksum) return a.checksum - b.checksum
  const [aEnds, bEnds] = [a.age >= Ospf.MAX_AGE, b.age >= Ospf.MAX_AGE]
  if (aEnds !== bEnds) return aEnds ? 1 : -1
  return Math.abs(a.age - b.age) > MAX_AGE_DIFF ? b.age - a.age : 0
}
