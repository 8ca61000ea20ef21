import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAdminApi, listen } from '@brunel/admin-api'
import { fakePorts, TOKENS } from '@brunel/admin-api/fakes'
import type { Test } from 'tap'
import { run, type Setting } from './terminal.js'

/** The real API over fake ports, behind a unix socket; the command line finds it by its data directory. */
export async function served(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'brunel-cli-'))
  const ports = fakePorts()
  const app = await createAdminApi({ ...ports, version: '0.1.0' })
  const doors = await listen(app, {
    tcp: { host: '127.0.0.1', port: 0 },
    socket: join(directory, 'bruneld.sock'),
  })
  t.teardown(async () => {
    await doors.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const brunel = (line: string, setting: Setting = {}) =>
    run(['--data-dir', directory, ...line.split(' ')], {
      ...setting,
      files: { [join(directory, 'admin.token')]: `${TOKENS.admin}\n`, ...setting.files },
    })
  return { ...ports, directory, url: doors.url ?? '', brunel }
}
