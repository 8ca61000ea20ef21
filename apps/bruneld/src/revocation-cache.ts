import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What was fetched, kept over a restart: one file for each question. It holds nothing secret, and is verified when it is read. */
export class RevocationCache {
  readonly #folder: string

  constructor(dataDir: string) {
    this.#folder = join(dataDir, 'revocation')
  }

  /** Files that nobody has renewed for a month go. Throws where the folder cannot be made. */
  open(now: number): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name)
      if (statSync(path).mtimeMs < now - MONTH) rmSync(path, { force: true })
    }
  }

  read(key: string): { readonly der: Uint8Array; readonly at: number } | undefined {
    try {
      const path = join(this.#folder, key)
      return { der: new Uint8Array(readFileSync(path)), at: statSync(path).mtimeMs }
    } catch {
      return undefined // it was never kept, or cannot be read: it is fetched
    }
  }

  /** Whole or not at all. Throws where the disk refuses. */
  write(key: string, der: Uint8Array): void {
    const path = join(this.#folder, key)
    writeFileSync(`${path}.new`, der, { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }
}

const MONTH = 30 * 86_400_000
