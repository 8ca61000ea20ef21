import { readFileSync } from 'node:fs'
import t from 'tap'
import { SITUATIONS } from './situations.js'

/** A title as it stands in the source: what a loop puts into it may be anything. */
function pattern(title: string): RegExp {
  let text = title
  for (let before = ''; before !== text; ) {
    before = text
    text = text.replace(/\$\{[^{}]*\}/g, '\u0000')
  }
  const plain = text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
  const [citation = '', ...rest] = plain.split(': ')
  return new RegExp(`^${(/RFC/.test(citation) ? rest.join(': ') : plain).replaceAll('\u0000', '.*')}$`)
}

const titles = ['child', 'ike', 'rekey', 'rekey-ike', 'delete'].flatMap(file => {
  const source = readFileSync(new URL(`../../test/collisions-${file}.test.ts`, import.meta.url), 'utf8')
  const found = source.matchAll(/t\.test\(\s*(?:`([^`]*)`|'([^'\n]*)')/g)
  return [...found].map(([, template, plain]) => pattern(template ?? plain ?? ''))
})

t.test(
  'RFC 7296 §2.8, §2.25: every situation of the other suites is played here or left out with a reason',
  async t => {
    for (const [name, ladders] of Object.entries(SITUATIONS)) {
      if ('leftOut' in ladders) {
        t.comment(`${name}: left out: ${ladders.leftOut}`)
        continue
      }
      for (const ladder of ladders)
        t.ok(
          titles.some(title => title.test(ladder)),
          `${name}: ${ladder}`,
        )
    }
    t.ok(Object.keys(SITUATIONS).length >= 60)
  },
)
