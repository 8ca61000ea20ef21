import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { documents } from './documents.js'
import { ROOT } from './sources.js'

for (const [name, text] of documents()) {
  writeFileSync(join(ROOT, 'docs', name), text)
  process.stdout.write(`docs/${name}\n`)
}
