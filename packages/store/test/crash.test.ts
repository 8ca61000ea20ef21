import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { ownDirectory, SECRET, storeIn } from './directory.js'

const writer = fileURLToPath(new URL('./writer.js', import.meta.url))

/** The last line that the writer printed before it was killed in the middle of its work. */
async function killedAfter(lines: number, directory: string): Promise<string> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const gone = once(child, 'close')
  let last = ''
  let seen = 0
  for await (const line of createInterface({ input: child.stdout })) {
    last = line
    if (++seen === lines) child.kill('SIGKILL')
  }
  await gone
  return last
}

t.test('killed in the middle of writing, it opens again, whole, with every answered change', async t => {
  const directory = ownDirectory(t)
  for (const lines of [3, 11, 40]) {
    const [revision, name] = (await killedAfter(lines, directory)).split(' ')
    const store = storeIn(directory)
    const stored = store.peers.list()
    t.ok(
      Math.max(...stored.map(peer => peer.revision)) >= Number(revision),
      'the last answered change is there',
    )
    t.equal(Buffer.from(store.peers.psk(name as string) ?? '').toString(), SECRET)
    t.ok(store.audit.list(1000, undefined).length >= Number(revision), 'and so is its audit')
    store.close()
    const db = new Sqlite(join(directory, 'brunel.db'))
    t.equal(db.pragma('integrity_check', { simple: true }), 'ok')
    t.same(db.pragma('foreign_key_check'), [])
    db.close()
  }
})
