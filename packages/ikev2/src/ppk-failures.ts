import type { Failure } from './contract.js'
import { failure } from './failures.js'

/** What goes wrong with post-quantum pre-shared keys. The peer hears AUTHENTICATION_FAILED alone. */

/** We demand it, and the IKE_SA_INIT of the peer announces none. */
export const ppkNotAnnounced = (id: string): Failure =>
  failure(
    'PPK_NOT_ANNOUNCED',
    'We demand a PPK (auth.ppk.required), and the peer announces none: it cannot do RFC 8784, or has no PPK for us.',
    'Configure the same PPK on the other router, or set auth.ppk.required to false here.',
    { ppkId: id },
  )

/** We demand it, and the responder went on without. */
export const ppkNotUsed = (id: string): Failure =>
  failure(
    'PPK_NOT_USED',
    'We demand a PPK (auth.ppk.required), and the peer announced one and then did not use it.',
    'The other router breaks RFC 8784 §3, since we offered no way to do without; look into its log.',
    { ppkId: id },
  )

/** The peer names another one, and one of the two ends demands it. */
export const ppkIdDiffers = (
  ids: { readonly ours: string | undefined; readonly theirs: string },
  demandedBy: 'us' | 'the peer',
): Failure =>
  failure(
    'PPK_ID_DIFFERS',
    `The peer names the PPK "${ids.theirs}"; ${ids.ours === undefined ? 'we have none for it' : `ours is "${ids.ours}"`}, and ${demandedBy === 'us' ? 'we demand it' : 'the peer demands it'}.`,
    'Give auth.ppk the same id and the same secret on both routers.',
    { ours: ids.ours ?? 'none', theirs: ids.theirs, demandedBy },
  )

/** Both announced PPKs, and then the initiator named none. */
export const ppkNotNamed = (): Failure =>
  failure(
    'PPK_NOT_NAMED',
    'Both routers announced a PPK, and then the peer did not say which.',
    'The other router breaks RFC 8784 §3; look into its log, and whether a PPK is configured there for this router.',
  )

/** Authentication without the PPK would have been good. */
export const wrongPpk = (remoteId: string, id: string): Failure =>
  failure(
    'WRONG_PPK',
    `${remoteId} is who it says, and its PPK "${id}" has another secret than ours.`,
    'Set the same auth.ppk.secret on both ends; look for blanks and line ends.',
    { remoteId, ppkId: id },
  )

/** The initiator offers no way to do without the PPK, so that one proof covers both. */
export const wrongPpkOrProof = (remoteId: string, id: string, without: Failure): Failure =>
  failure(
    'WRONG_PPK_OR_AUTH',
    `${remoteId} proved itself with the PPK "${id}", and the proof is not what we compute: either the PPK secrets differ, or what it is authenticated by does.`,
    'Compare auth.ppk.secret, then auth.psk (or the certificate) on both ends. With auth.ppk.required false on the other router we can tell which it is.',
    { remoteId, ppkId: id, 'if the PPK is right': without.sentence },
  )

/** Configured, optional, and the IKE SA stands without: RFC 8784 §6 wants it audited. */
export const ppkUnused = (id: string, why: 'not announced' | 'another name' | 'not taken'): Failure =>
  failure(
    'PPK_UNUSED',
    `The IKE SA stands without the PPK "${id}": ${
      why === 'not announced'
        ? 'the peer announces none'
        : why === 'another name'
          ? 'the peer names another one'
          : 'the peer did not take it'
    }.`,
    'Give auth.ppk the same id and the same secret on both routers, then set auth.ppk.required to true.',
    { ppkId: id, why },
  )
