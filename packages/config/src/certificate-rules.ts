import type { Problem, WallClock } from '@brunel/base'
import {
  type Certificate,
  certificatesIn,
  chainFault,
  crlsIn,
  isBound,
  isKeyOf,
  nameOf,
  namesOf,
  parseCertificate,
  privateKeyIn,
  weakKey,
  wipe,
} from '@brunel/crypto'
import { Address } from '@brunel/wire'
import type { PeerDocument } from './document.js'
import { publicationProblems, urlProblems } from './hash-and-url-rules.js'
import { problem } from './rule.js'
import { identity } from './values.js'

/** What `auth` says wrong about certificates. Pointers are relative to the peer's document. */

const PEM = 'Paste the PEM text, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----.'

/** How each end proves itself. */
export function methodsOf({ auth }: PeerDocument): { readonly own: string; readonly theirs: string } {
  return { own: auth.method, theirs: auth.remoteMethod ?? auth.method }
}

export const usesPsk = (peer: PeerDocument): boolean => Object.values(methodsOf(peer)).includes('psk')

/** Certificates of one PEM text; a text that holds none, or one that cannot be read, is a problem. */
function read(
  text: string,
  pointer: string,
): { readonly found: readonly Certificate[]; readonly problems: Problem[] } {
  const bad = (detail: string) => ({
    found: [],
    problems: [problem(pointer, 'BRUNEL_CONFIG_CERTIFICATE', detail, PEM)],
  })
  const blocks = certificatesIn(text)
  if (blocks.length === 0) return bad('There is no PEM certificate in it.')
  const found = blocks.map(parseCertificate)
  const broken = found.indexOf(undefined)
  return broken < 0
    ? { found: found as Certificate[], problems: [] }
    : bad(`Certificate ${broken + 1} of ${blocks.length} cannot be read.`)
}

export const ownCertificates = ({ auth }: PeerDocument): readonly Certificate[] =>
  auth.certificate === undefined ? [] : read(auth.certificate, '').found

export const anchorsOf = ({ auth }: PeerDocument): readonly Certificate[] =>
  (auth.trustAnchors ?? []).flatMap(text => read(text, '').found)

export interface CertificateContext {
  /** The wall clock, where the validity of a new certificate is to be looked at. */
  readonly now?: WallClock | undefined
  /** Whether the private key that is stored for the peer is that of a certificate (PEM); undefined: none is stored. */
  readonly holdsKeyOf?: ((peer: string, certificate: string) => boolean | undefined) | undefined
}

export function certificateProblems(peer: PeerDocument, context: CertificateContext): Problem[] {
  const { own, theirs } = methodsOf(peer)
  return [
    ...(own === 'certificate' ? ownProblems(peer, context) : []),
    ...(theirs === 'certificate' ? theirProblems(peer) : []),
    ...urlProblems(peer.auth),
    ...(peer.auth.crls ?? []).flatMap((text, i) =>
      crlsIn(text).length > 0
        ? []
        : [
            problem(
              `/auth/crls/${i}`,
              'BRUNEL_CONFIG_CERTIFICATE',
              'There is no PEM revocation list in it.',
              'Paste the PEM text, from -----BEGIN X509 CRL----- on; `openssl crl -inform der` makes it of DER.',
            ),
          ],
    ),
  ]
}

function ownProblems(peer: PeerDocument, { now, holdsKeyOf }: CertificateContext): Problem[] {
  const { certificate, privateKey } = peer.auth
  if (certificate === undefined)
    return [
      problem(
        '/auth/certificate',
        'BRUNEL_CONFIG_CERTIFICATE',
        'There is no certificate.',
        `Add \`auth.certificate\`. ${PEM}`,
      ),
    ]
  const { found, problems } = read(certificate, '/auth/certificate')
  const [first] = found
  const bad = (detail: string, remedy: string) =>
    problems.push(problem('/auth/certificate', 'BRUNEL_CONFIG_CERTIFICATE', detail, remedy))
  if (first !== undefined) {
    const weak = weakKey(first)
    if (weak !== undefined)
      bad(`The certificate has ${weak}.`, 'Use ECDSA P-256, Ed25519, or RSA of 2048 bits and more.')
    if (now !== undefined && now > first.notAfter)
      problems.push(
        problem(
          '/auth/certificate',
          'BRUNEL_CONFIG_CERTIFICATE_EXPIRED',
          `The certificate expired at ${new Date(first.notAfter).toISOString()}.`,
          'Renew it; check the clock of this router.',
        ),
      )
  }
  problems.push(...publicationProblems(peer.auth, found.length))
  const storedFits = first === undefined ? undefined : holdsKeyOf?.(peer.name, certificate)
  return [...problems, ...keyProblems(privateKey, first, storedFits)]
}

function keyProblems(
  text: string | undefined,
  certificate: Certificate | undefined,
  storedFits: boolean | undefined,
): Problem[] {
  const bad = (detail: string, remedy: string) => [
    problem('/auth/privateKey', 'BRUNEL_CONFIG_PRIVATE_KEY', detail, remedy),
  ]
  const other = 'The private key is not that of the certificate.'
  const both =
    'Write the key and the certificate that belong together; the first certificate of the text is ours.'
  if (text === undefined)
    return storedFits === false ? bad(`${other} It is the one that is stored.`, both) : []
  const key = privateKeyIn(text)
  if (key === undefined)
    return bad(
      'There is no PEM private key in it that can be read without a passphrase.',
      'Paste the PEM text of the key; `openssl pkey` takes a passphrase off.',
    )
  const matches = certificate === undefined || isKeyOf(key, certificate)
  wipe(key)
  return matches ? [] : bad(other, both)
}

function theirProblems(peer: PeerDocument): Problem[] {
  const { trustAnchors = [] } = peer.auth
  const problems = trustAnchors.flatMap((text, i) => read(text, `/auth/trustAnchors/${i}`).problems)
  if (trustAnchors.length === 0)
    problems.push(
      problem(
        '/auth/trustAnchors',
        'BRUNEL_CONFIG_CERTIFICATE',
        'Nobody is trusted.',
        "Add `auth.trustAnchors`: the certificate of the authority that issued the peer's, PEM.",
      ),
    )
  if (peer.remote.id === undefined)
    problems.push(
      problem(
        '/remote/id',
        'BRUNEL_CONFIG_IDENTITY',
        "With certificates, only `remote.id` says which certificate of an authority is the peer's.",
        'Add `remote.id`: a name from its certificate, such as branch-7.example.net or `C=CH, O=Lab, CN=branch-7`.',
      ),
    )
  return problems
}

/** What is allowed and unwise. */
export function certificateWarnings(peer: PeerDocument, now: WallClock | undefined): Problem[] {
  const [first, ...intermediates] = ownCertificates(peer)
  if (methodsOf(peer).own !== 'certificate' || first === undefined) return []
  const warn = (pointer: string, detail: string, remedy: string) =>
    problem(pointer, 'BRUNEL_CONFIG_CERTIFICATE_DOUBTFUL', detail, remedy)
  const found: Problem[] = []
  const id = peer.local?.id === undefined ? undefined : identity(peer.local.id)
  if (id !== undefined && !isBoundTo(first, id))
    found.push(
      warn(
        '/local/id',
        `Our certificate does not hold \`local.id\`; it names ${namesOf(first).join(', ')}.`,
        'Let `local.id` be one of these names, or leave it out.',
      ),
    )
  const anchors = anchorsOf(peer)
  const fault =
    now === undefined || anchors.length === 0
      ? undefined
      : chainFault({ end: first, intermediates, anchors, now })
  if (fault !== undefined)
    found.push(
      warn(
        '/auth/certificate',
        `Our own trust anchors would not accept our certificate: ${fault}.`,
        'Add the intermediate certificates below ours; or leave it, where the other router trusts another authority.',
      ),
    )
  return found
}

function isBoundTo(certificate: Certificate, id: NonNullable<ReturnType<typeof identity>>): boolean {
  const { type, text } = id
  if (type === 'fqdn' || type === 'email') return isBound(certificate, { type, text })
  const der = type === 'dn' ? nameOf(text) : undefined
  if (der !== undefined) return isBound(certificate, { type: 'dn', der })
  const octets = type === 'ipv4' || type === 'ipv6' ? Address.parse(text) : undefined
  return octets !== undefined && isBound(certificate, { type: 'ip', octets })
}
