import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EXIT, Failure } from '../failure.js'
import type { Terminal } from '../terminal.js'

/** Gives a text to $EDITOR and returns what came of it; undefined where nothing changed. */
export function edited(text: string, terminal: Terminal): string | undefined {
  const editor = terminal.env['VISUAL'] || terminal.env['EDITOR'] || 'vi'
  const directory = mkdtempSync(join(tmpdir(), 'brunel-'))
  const file = join(directory, 'peer.json')
  try {
    writeFileSync(file, text, { mode: 0o600 })
    const { status, error } = spawnSync('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' })
    if (error !== undefined || status !== 0) {
      throw new Failure(EXIT.refused, `The editor ${editor} failed; nothing was changed.`, {
        remedy: 'Set EDITOR, or give `brunel peer edit` a file or options.',
      })
    }
    const after = readFileSync(file, 'utf8')
    return after === text ? undefined : after
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
