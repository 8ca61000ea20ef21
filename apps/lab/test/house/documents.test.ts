import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CODES } from '@brunel/config'
import t from 'tap'
import { documents } from '../../src/docs/documents.js'
import { isTest, ROOT, sources } from '../../src/docs/sources.js'

t.test('generated documents are fresh', async t => {
  for (const [name, text] of documents()) {
    const path = join(ROOT, 'docs', name)
    t.ok(existsSync(path) && readFileSync(path, 'utf8') === text, `docs/${name}: run \`npm run docs\``)
  }
})

/** Environment variables of bruneld and its tools have the same look as codes. */
const VARIABLES =
  /^BRUNEL_(DATA_DIR|LISTEN|SOCKET|CONFIG|CHECK|LOG_LEVEL|UNDERLAY_ICMP|ESP_AUDIT|IKE_PORT|NATT_PORT|REVOCATION_REFRESH|KEYLOG|TOKEN|URL|TOKEN_FILE|[A-Z_]*TEST[A-Z_]*)$/

t.test('every error code that the code can make is documented', async t => {
  const errors = documents().get('errors.md') ?? ''
  const used = new Set<string>()
  for (const { path, text } of sources())
    if (!isTest(path))
      for (const [, code = ''] of text.matchAll(/['"`](BRUNEL_[A-Z0-9_]+)['"`]/g)) used.add(code)
  for (const code of [...used, ...Object.keys(CODES)].sort())
    if (!VARIABLES.test(code)) t.ok(errors.includes(`\`${code}\``), code)
})
