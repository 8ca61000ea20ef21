import {
  chmodSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { newSealingKey, SEALING_KEY_LENGTH } from '@brunel/crypto'
import { StoreError } from './store-error.js'

/** The data directory: 0700, and every file in it 0600. */

export function prepareDirectory(directory: string): void {
  try {
    const made = mkdirSync(directory, { recursive: true, mode: 0o700 })
    const open = (statSync(directory).mode & 0o077) !== 0
    if (!open) return
    // An empty directory is ours to close; one with files may be somebody's, such as /tmp.
    if (made === undefined && readdirSync(directory).length > 0) {
      throw new StoreError(
        'BRUNEL_STORE_DIRECTORY',
        `Others can read ${directory}, where secrets would be kept.`,
        `Run \`chmod 0700 ${directory}\`, or give --data-dir another directory.`,
      )
    }
    chmodSync(directory, 0o700)
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    const message = `The data directory ${directory} cannot be used: ${(cause as Error).message}`
    throw new StoreError(
      'BRUNEL_STORE_DIRECTORY',
      message,
      'Give --data-dir a directory that bruneld may write.',
      cause,
    )
  }
}

function sync(path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** The whole file or none of it, also when the power fails. */
export function writePrivate(directory: string, name: string, content: string | Uint8Array): void {
  const path = join(directory, name)
  const draft = `${path}.new`
  rmSync(draft, { force: true })
  const fd = openSync(draft, 'wx', 0o600)
  try {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
  sync(directory)
}

/** SQLite gives its -wal and -shm files the mode of the database. */
export function createPrivate(path: string): void {
  if (existsSync(path)) chmodSync(path, 0o600)
  else closeSync(openSync(path, 'wx', 0o600))
}

const CREDENTIAL = 'brunel-secret-key'
const KEY_FILE = 'secret.key'

function keyIn(path: string): Uint8Array {
  const bytes = readFileSync(path)
  const text = bytes.toString('latin1').trim()
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex')
  if (bytes.length === SEALING_KEY_LENGTH) return bytes
  const remedy = 'Make it with `openssl rand -hex 32`.'
  throw new StoreError(
    'BRUNEL_STORE_KEY',
    `${path} holds neither 32 octets nor 64 hexadecimal digits.`,
    remedy,
  )
}

/** The key that encrypts secrets. `fresh`: there is no sealed secret yet, so a new key may be made. */
export function secretKey(directory: string, credentials: string | undefined, fresh: boolean): Uint8Array {
  const credential = credentials === undefined ? undefined : join(credentials, CREDENTIAL)
  if (credential !== undefined && existsSync(credential)) return keyIn(credential)
  const path = join(directory, KEY_FILE)
  if (existsSync(path)) return keyIn(path)
  if (!fresh) {
    const remedy = `Put the key back from your backup as ${path}. Without it: move ${directory} away, start anew, and give each peer its secret again.`
    throw new StoreError(
      'BRUNEL_STORE_KEY',
      `The key ${path} that encrypts the stored secrets is missing.`,
      remedy,
    )
  }
  const key = newSealingKey()
  writePrivate(directory, KEY_FILE, `${Buffer.from(key).toString('hex')}\n`)
  return key
}
