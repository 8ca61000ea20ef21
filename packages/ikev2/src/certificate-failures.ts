import type { CertificateFault } from '@brunel/crypto'
import type { Failure, Lookup } from './contract.js'
import { failure } from './failures.js'

/** What goes wrong with certificates, each told apart from the others. The peer hears AUTHENTICATION_FAILED alone. */

const METHODS: Readonly<Record<number, string>> = {
  1: 'an RSA signature of RFC 7296 (method 1), which means SHA-1',
  2: 'a pre-shared key (method 2)',
  3: 'a DSS signature (method 3)',
  9: 'an ECDSA signature of RFC 4754 (method 9)',
  10: 'an ECDSA signature of RFC 4754 (method 10)',
  11: 'an ECDSA signature of RFC 4754 (method 11)',
  13: 'the NULL method (method 13)',
  14: 'a certificate (method 14)',
}

export const wrongMethod = (
  id: string,
  { wanted, got }: { readonly wanted: 'psk' | 'certificate'; readonly got: number },
): Failure =>
  failure(
    'WRONG_METHOD',
    `${id} proves itself by ${METHODS[got] ?? `method ${got}`}; we want a ${wanted === 'psk' ? 'pre-shared key' : 'certificate with a signature of RFC 7427 (method 14)'}.`,
    'Give both ends the same auth.method, or say by auth.remoteMethod how the other router proves itself.',
    { remoteId: id, wanted, got: METHODS[got] ?? String(got) },
  )

export const noDigitalSignatures = (): Failure =>
  failure(
    'NO_DIGITAL_SIGNATURES',
    'The peer does not announce digital signatures (SIGNATURE_HASH_ALGORITHMS, RFC 7427), so our certificate cannot prove us.',
    'Switch RFC 7427 signatures on at the other router (strongSwan: signature_authentication = yes), or use a pre-shared key.',
  )

export const cannotSign = (detail: string): Failure =>
  failure(
    'CANNOT_SIGN',
    `Our private key cannot be used with this peer: ${detail}.`,
    'Use a key that both routers can do: ECDSA P-256, or RSA of 2048 bits and more.',
    { detail },
  )

export const ownExpired = (): Failure =>
  failure(
    'OWN_CERTIFICATE_EXPIRED',
    'Our own certificate is expired.',
    'Renew it: write a new auth.certificate (and auth.privateKey) to the peer. Check the clock of this router.',
  )

export const noCertificate = (id: string): Failure =>
  failure(
    'NO_CERTIFICATE',
    `${id} signs, and sends no certificate to check the signature with.`,
    'Let the other router send its certificate (strongSwan: send_cert = always).',
    { remoteId: id },
  )

export const hashAndUrl = (id: string): Failure =>
  failure(
    'HASH_AND_URL',
    `${id} sends the address of its certificate instead of the certificate (hash and URL, RFC 7296 §3.6), which we did not ask for.`,
    'Allow addresses by auth.hashAndUrl of this peer; or switch hash and URL off at the other router (strongSwan: charon.hash_and_url = no).',
    { remoteId: id },
  )

export const certificateUrl = (id: string, url: string, allowed: readonly string[]): Failure =>
  failure(
    'CERTIFICATE_URL',
    `${id} names an address of its certificate that auth.hashAndUrl does not allow: ${url}.`,
    'If it is where its certificates are published, add its beginning to auth.hashAndUrl: plain http://, with the host and a path.',
    { remoteId: id, url, allowed },
  )

export const certificateLookup = (
  id: string,
  { kind, url, hash }: Pick<Lookup, 'kind' | 'url' | 'hash'>,
  detail: string,
): Failure =>
  failure(
    'CERTIFICATE_LOOKUP',
    `The ${kind === 'bundle' ? 'bundle of certificates' : 'certificate'} of ${id} cannot be had from ${url}: ${detail}.`,
    'Let this router reach the address, and let it give the octets that the other router means: DER, not PEM, and not an older one.',
    { remoteId: id, url, 'SHA-1': hash, detail },
  )

export const wrongSignature = (id: string, subject: string, detail: string): Failure =>
  failure(
    'WRONG_SIGNATURE',
    `The signature of ${id} is not good: ${detail}.`,
    'The other router uses a private key that does not belong to its certificate, or something between changes messages.',
    { remoteId: id, certificate: subject, detail },
  )

/** Why the certificate of a peer does not count. */
export function certificateFault(id: string, { fault, detail, evidence: seen }: CertificateFault): Failure {
  const evidence = { remoteId: id, ...seen }
  switch (fault) {
    case 'malformed':
      return failure(
        'CERTIFICATE_MALFORMED',
        `The certificate of ${id} cannot be read: ${detail}.`,
        'Make the certificate of the other router anew.',
        evidence,
      )
    case 'untrusted':
      return failure(
        'CERTIFICATE_UNTRUSTED',
        `The certificate of ${id} leads to no trust anchor: ${detail}.`,
        'Add the authority that issued it to auth.trustAnchors, or let the other router send its intermediate certificates.',
        evidence,
      )
    case 'expired':
      return failure(
        'CERTIFICATE_EXPIRED',
        `The certificate of ${id} is expired: ${detail}.`,
        'Renew the certificate of the other router; check the clocks of both.',
        evidence,
      )
    case 'not-yet-valid':
      return failure(
        'CERTIFICATE_NOT_YET_VALID',
        `The certificate of ${id} is not valid yet: ${detail}.`,
        'Check the clock of this router; else wait, or issue the certificate anew.',
        evidence,
      )
    case 'revoked':
      return failure(
        'CERTIFICATE_REVOKED',
        `The certificate of ${id} is revoked: ${detail}.`,
        'Issue a new certificate for the other router, with a new key.',
        evidence,
      )
    case 'revocation-unknown':
      return failure(
        'REVOCATION_UNKNOWN',
        `Nothing tells whether the certificate of ${id} is revoked: ${detail}.`,
        'Let this router reach the HTTP address in the certificate, or give it the list by auth.crls; auth.revocation "relaxed" lets the peer in without.',
        evidence,
      )
    case 'refused':
      return failure(
        'CERTIFICATE_REFUSED',
        `The certificate of ${id} is refused: ${detail}.`,
        'Issue the certificate anew without what the sentence names.',
        evidence,
      )
    case 'identity':
      return failure(
        'CERTIFICATE_IDENTITY',
        `The certificate of ${id} does not hold that identity: ${detail}.`,
        'Put the identity into subjectAltName of its certificate, or let local.id there and remote.id here be a name that the certificate has.',
        evidence,
      )
  }
}

export const validityEnded = (who: 'our' | 'their'): Failure =>
  failure(
    'VALIDITY_ENDED',
    `${who === 'our' ? 'Our certificate' : 'The certificate of the peer'} is no longer valid.`,
    'Renew the certificate; the tunnel comes back by itself with the new one.',
  )
