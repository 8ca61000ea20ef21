import type { Problem } from '@brunel/base'
import { type CertificateContext, certificateProblems, methodsOf, usesPsk } from './certificate-rules.js'
import { PeerDocument } from './document.js'
import { factsOf, problemsBetween } from './pair-rules.js'
import { problemsOfPeer } from './peer-rules.js'
import { NEW_PPK } from './ppk-rules.js'
import { problem } from './rule.js'
import { type SecretKind, secretsOf } from './secrets.js'
import { isPeerDocument, shapeProblems, soundPart } from './shape.js'

/** What `verify` must know besides the documents. */
export interface VerifyContext extends CertificateContext {
  /** Whether a secret is stored for the peer, so that the document may leave it out. Left out: none is. */
  readonly hasSecret?: ((peer: string, kind: SecretKind) => boolean) | undefined
}

function secretMissing(peer: PeerDocument, context: VerifyContext): Problem[] {
  const given = secretsOf(peer)
  const lacks = (kind: SecretKind): boolean =>
    given[kind] === undefined && !context.hasSecret?.(peer.name, kind)
  const found: Problem[] = []
  if (usesPsk(peer) && lacks('psk')) {
    const remedy =
      'Add `auth.psk`. Make one with `openssl rand -base64 32` and give the same to both routers.'
    found.push(problem('/auth/psk', 'BRUNEL_CONFIG_PSK', 'There is no pre-shared key.', remedy))
  }
  if (methodsOf(peer).own === 'certificate' && lacks('privateKey')) {
    const remedy = 'Add `auth.privateKey`: the key that the certificate was made for, PEM.'
    found.push(problem('/auth/privateKey', 'BRUNEL_CONFIG_PRIVATE_KEY', 'There is no private key.', remedy))
  }
  if (peer.auth.ppk !== undefined && lacks('ppk'))
    found.push(problem('/auth/ppk/secret', 'BRUNEL_CONFIG_PPK', 'There is no secret.', NEW_PPK))
  return found
}

/**
 * All that is wrong with one document among others that are right by themselves. Pointers are relative to it.
 * Others of the same name are not looked at: it is what it replaces.
 */
export function verifyPeer(
  document: unknown,
  others: readonly PeerDocument[],
  context: VerifyContext = {},
): Problem[] {
  const shape = shapeProblems(PeerDocument, document)
  const sound = soundPart(document, shape)
  if (sound === undefined) return shape
  const facts = factsOf(sound)
  const found = [
    ...problemsOfPeer(sound),
    ...certificateProblems(sound, context),
    ...(shape.some(({ pointer }) => lies(pointer, '/auth')) ? [] : secretMissing(sound, context)),
    ...others
      .filter(({ name }) => name !== sound.name)
      .flatMap(other => problemsBetween(facts, factsOf(other))),
  ]
  return [...shape, ...found.filter(({ pointer }) => !shape.some(fault => lies(pointer, fault.pointer)))]
}

const lies = (pointer: string, within: string): boolean =>
  pointer === within || pointer.startsWith(`${within}/`)

/** All that is wrong with a configuration; pointers begin with `/peers/0`. A fault between two is shown at the later. */
export function verify(peers: readonly unknown[], context: VerifyContext = {}): Problem[] {
  const facts = peers.map(document => (isPeerDocument(document) ? factsOf(document) : undefined))
  return peers.flatMap((document, index) => {
    const own = facts[index]
    const between =
      own === undefined
        ? []
        : facts.slice(0, index).flatMap(other => (other === undefined ? [] : problemsBetween(own, other)))
    return [...verifyPeer(document, [], context), ...between].map(found => ({
      ...found,
      pointer: `/peers/${index}${found.pointer}`,
    }))
  })
}
