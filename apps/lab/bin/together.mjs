/** Reads the test files it is given in one process: to start one for each costs more than most of them take. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'

// Within a test: tap ends where all tests have ended and none is announced.
t.test('reads', async t => {
  for (const file of process.argv.slice(2)) await t.resolves(import(pathToFileURL(resolve(file)).href), file)
})
