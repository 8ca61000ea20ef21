import type { PeerDocument } from './document.js'

/** The secrets of a peer document, all of them write-only: `auth.psk`, `auth.privateKey` and `auth.ppk.secret`. */
export const SECRET_KINDS = ['psk', 'privateKey', 'ppk'] as const
export type SecretKind = (typeof SECRET_KINDS)[number]

export type PeerSecrets = { readonly [K in SecretKind]?: string }

/** The document as it may be shown, stored and logged. */
export function redact<T extends PeerDocument>(peer: T): T {
  const { psk: _psk, privateKey: _key, ppk, ...auth } = peer.auth
  if (ppk === undefined) return { ...peer, auth: auth as T['auth'] }
  const { secret: _secret, ...shown } = ppk
  return { ...peer, auth: { ...auth, ppk: shown } as T['auth'] }
}

/** The secrets of a document, to be sealed apart from it. */
export function secretsOf({ auth }: PeerDocument): PeerSecrets {
  const secret = auth.ppk?.secret
  return {
    ...(auth.psk === undefined ? {} : { psk: auth.psk }),
    ...(auth.privateKey === undefined ? {} : { privateKey: auth.privateKey }),
    ...(secret === undefined ? {} : { ppk: secret }),
  }
}

/** Of the secrets that are stored for a peer, those that its document has no use for any more. */
export const disused = ({ auth }: PeerDocument): readonly SecretKind[] =>
  auth.ppk === undefined ? ['ppk'] : []
