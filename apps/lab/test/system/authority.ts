import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../../src/net/command.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import type { Side } from '../../src/net/topology.js'
import { BRUNEL } from '../../src/peers/bruneld.js'
import { id } from '../../src/peers/peer-document.js'

/** A folder of `brunel pki`. */
export class Authority {
  readonly folder: string

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.folder = folder
  }

  async pki(...words: readonly string[]): Promise<void> {
    const [command = '', ...more] = words
    await must([...PLAIN_NODE, BRUNEL, 'pki', command, ...more, '--dir', this.folder], { limit: 30_000 })
  }

  async begin(...where: readonly string[]): Promise<void> {
    await this.pki('init')
    for (const side of ['A', 'B'] as const) await this.pki('issue', id(side), ...where)
    await this.pki('crl')
  }

  /** Certificates and bundles into the folder, by their SHA-1 hashes. */
  async publish(side: Side): Promise<void> {
    const words = ['pki', 'publish', join(this.folder, `${id(side)}.pem`), '--to', this.folder]
    await must([...PLAIN_NODE, BRUNEL, ...words], { limit: 30_000 })
  }

  text(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  auth(side: Side, more: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return {
      method: 'certificate',
      certificate: this.text(`${id(side)}.pem`),
      privateKey: this.text(`${id(side)}.key`),
      trustAnchors: [this.text('ca.pem')],
      ...more,
    }
  }
}
