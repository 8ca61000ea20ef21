import { createHash } from 'node:crypto'
import { type Certificate, parseCertificate } from './certificate.js'

/** Fewer: authorities of many peers are parsed again. More: memory for those that nobody has any more. */
const MOST = 512

/**
 * Certificates of a configuration, parsed once: reading one takes a hundred times as long as hashing it. A thousand
 * peers have the same trust anchor, each in octets of its own.
 */
export class KnownCertificates {
  readonly #byOctets = new WeakMap<Uint8Array, Certificate>()
  /** By hash, the one that was met last at the end. */
  readonly #byHash = new Map<string, Certificate>()

  parse(der: Uint8Array): Certificate | undefined {
    const known = this.#byOctets.get(der)
    if (known !== undefined) return known
    const hash = createHash('sha256').update(der).digest('base64')
    const certificate = this.#byHash.get(hash) ?? parseCertificate(der)
    if (certificate === undefined) return undefined
    this.#byOctets.set(der, certificate)
    this.#byHash.delete(hash)
    this.#byHash.set(hash, certificate)
    const [oldest] = this.#byHash.keys()
    if (this.#byHash.size > MOST && oldest !== undefined) this.#byHash.delete(oldest)
    return certificate
  }
}
