import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { openStore, type Store } from '../src/index.js'

/** A directory of its own for a test, gone afterwards. */
export function ownDirectory(t: Test): string {
  const parent = mkdtempSync(join(tmpdir(), 'brunel-store-'))
  t.teardown(() => rmSync(parent, { recursive: true, force: true }))
  return join(parent, 'data')
}

/** A store at a time that stands still. */
export const storeIn = (directory: string): Store =>
  openStore({ directory, now: () => new Date('2026-01-02T03:04:05Z') })

export const entry = (action: string, what = 'branch-1') => ({
  who: 'admin',
  from: '127.0.0.1',
  action,
  what,
  detail: '',
})

export const peer = (more: object = {}) => ({
  name: 'branch-1',
  remote: { address: '198.51.100.1' },
  auth: { method: 'psk' as const },
  ...more,
})

export const SECRET = 'correct horse battery staple'
export const withSecret = (psk = SECRET, more: object = {}) => peer({ auth: { method: 'psk', psk }, ...more })
