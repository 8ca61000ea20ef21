import type { PeerDocument } from './document.js'

/** The members of a peer document that are write-only. */
const SECRET = ['psk', 'privateKey'] as const
export type SecretKind = (typeof SECRET)[number]

export interface PeerSecrets {
  readonly psk?: string
  readonly privateKey?: string
}

/** The document as it may be shown, stored and logged. */
export function redact<T extends PeerDocument>(peer: T): T {
  const auth = Object.fromEntries(Object.entries(peer.auth).filter(([key]) => !SECRET.includes(key as 'psk')))
  return { ...peer, auth: auth as T['auth'] }
}

/** The secrets of a document, to be sealed apart from it. */
export function secretsOf({ auth }: PeerDocument): PeerSecrets {
  return {
    ...(auth.psk === undefined ? {} : { psk: auth.psk }),
    ...(auth.privateKey === undefined ? {} : { privateKey: auth.privateKey }),
  }
}
