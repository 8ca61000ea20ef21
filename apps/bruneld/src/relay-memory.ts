import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KeptArea } from '@brunel/ospf-relay'
import { Ospf } from '@brunel/wire'
import type { RelayMemory } from './relay-edge.js'

/**
 * The LSAs that relays carried, kept over a restart: routers say them once in half an hour, and a relay that begins while
 * they are Full would know none. One file a LAN interface, whatever its group is called. Nothing in it is secret; each
 * LSA proves its own checksum.
 */

interface File {
  /** Unix time in ms. */
  readonly at: number
  readonly areas: readonly {
    readonly version: 2 | 3
    readonly instance: number
    readonly area: string
    /** base64 */
    readonly lsas: readonly string[]
  }[]
}

/** After a change. Longer: a process that is killed has lost as much. */
const WRITE_MS = 500

export class RelayFiles implements RelayMemory {
  readonly #folder: string
  readonly #wall: () => number
  readonly #failed: (error: unknown) => void
  readonly #due = new Map<string, { readonly timer: NodeJS.Timeout; readonly write: () => void }>()

  constructor(dataDir: string, wall: () => number, failed: (error: unknown) => void) {
    this.#folder = join(dataDir, 'relay')
    this.#wall = wall
    this.#failed = failed
  }

  /** With the ages that they have by now; nothing where there is nothing, or where the clock was set back. */
  read(device: string): readonly KeptArea[] {
    try {
      const path = join(this.#folder, device)
      const file = JSON.parse(readFileSync(path, 'utf8')) as File
      const seconds = (this.#wall() - file.at) / 1000
      if (seconds < 0 || seconds >= Ospf.MAX_AGE) return []
      return file.areas.map(({ lsas, ...area }) => ({
        ...area,
        lsas: lsas.map(text => older(Buffer.from(text, 'base64'), seconds)),
      }))
    } catch {
      return [] // it was never kept, or cannot be read: the relay learns from what passes
    }
  }

  /** `areas` is asked for when it is written. */
  write(device: string, areas: () => readonly KeptArea[]): void {
    if (this.#due.has(device)) return
    const write = (): void => {
      this.#due.delete(device)
      try {
        this.#write(device, { at: this.#wall(), areas: areas().map(asText) })
      } catch (error) {
        this.#failed(error)
      }
    }
    this.#due.set(device, { timer: setTimeout(write, WRITE_MS).unref(), write })
  }

  /** What waits is written. */
  flush(device: string): void {
    const due = this.#due.get(device)
    clearTimeout(due?.timer)
    due?.write()
  }

  /** Whole or not at all. */
  #write(device: string, file: File): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    const path = join(this.#folder, device)
    writeFileSync(`${path}.new`, JSON.stringify(file), { mode: 0o600 })
    renameSync(`${path}.new`, path)
    this.#forget()
  }

  /** Interfaces come and go; nothing in an old file counts any more. */
  #forget(): void {
    for (const name of readdirSync(this.#folder)) {
      const path = join(this.#folder, name)
      if (statSync(path).mtimeMs < this.#wall() - 2000 * Ospf.MAX_AGE) rmSync(path, { force: true })
    }
  }
}

const asText = ({ lsas, ...area }: KeptArea): File['areas'][number] => ({
  ...area,
  lsas: lsas.map(lsa => Buffer.from(lsa).toString('base64')),
})

/** Too short for an age: whoever reads it refuses it. */
const older = (lsa: Uint8Array, seconds: number): Uint8Array =>
  lsa.length < 2 ? lsa : Ospf.aged(lsa, (((lsa[0]! << 8) | lsa[1]!) & 0x7fff) + seconds)
