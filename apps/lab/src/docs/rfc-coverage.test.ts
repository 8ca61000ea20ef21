import t from 'tap'
import { rfcCoverageDocument } from './rfc-coverage.js'

t.test('sections are in the order of the RFC, code apart from tests', async t => {
  const text = rfcCoverageDocument([
    { path: 'packages/x/src/a.ts', text: '// RFC 7296 §2.10\n// RFC 7296 §2.8.1' },
    { path: 'packages/x/src/a.test.ts', text: "t.test('RFC 7296 §2.8.1: crossing')" },
  ])
  const rows = text.split('\n').filter(line => line.startsWith('| §'))
  t.same(rows, ['| §2.8.1 | x/a.ts | x/a.test.ts |', '| §2.10 | x/a.ts |  |'])
})
