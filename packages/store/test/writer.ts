import { openStore } from '../src/index.js'
import { entry, withSecret } from './directory.js'

/** Writes peers until it is killed, and prints each revision once the store says that it is written. */
const store = openStore({ directory: process.argv[2] as string })
for (let key = 0; ; key++) {
  const name = `branch-${key % 7}`
  const stored = store.peers.write({
    document: withSecret(undefined, { name, gre: { key } }),
    expected: undefined,
    audit: entry('peer-write', name),
  })
  if (stored !== 'conflict') process.stdout.write(`${stored.revision} ${name}\n`)
  // A pipe is written to in turns of the event loop.
  await new Promise(resolve => setImmediate(resolve))
}
