import { GENERATED, isTest, type Source } from './sources.js'

interface Cited {
  readonly code: Set<string>
  readonly tests: Set<string>
}

const CITATION = /RFC (\d{3,5}) §([0-9A-Z]+(?:\.\d+)*)/g

/** Pure: which file obeys which section, and which test says so. */
export function citations(sources: readonly Source[]): ReadonlyMap<string, ReadonlyMap<string, Cited>> {
  const rfcs = new Map<string, Map<string, Cited>>()
  for (const { path, text } of sources)
    for (const [, rfc = '', section = ''] of text.matchAll(CITATION)) {
      const sections = rfcs.get(rfc) ?? new Map<string, Cited>()
      const cited = sections.get(section) ?? { code: new Set<string>(), tests: new Set<string>() }
      cited[isTest(path) ? 'tests' : 'code'].add(path)
      rfcs.set(rfc, sections.set(section, cited))
    }
  return rfcs
}

/** 2.8.1 before 2.10. */
function bySection(a: string, b: string): number {
  const [one, two] = [a.split('.'), b.split('.')]
  for (let i = 0; i < Math.max(one.length, two.length); i++) {
    const [x = '', y = ''] = [one[i], two[i]]
    if (x !== y) return Number(x) - Number(y) || (x < y ? -1 : 1)
  }
  return 0
}

const short = (paths: ReadonlySet<string>): string =>
  [...paths]
    .sort()
    .map(path => path.replace(/^(packages|apps)\//, '').replace('/src/', '/'))
    .join('<br>')

/** docs/rfc-coverage.md, from citations in the code and in the tests. */
export function rfcCoverageDocument(sources: readonly Source[]): string {
  const chapters = [...citations(sources)]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([rfc, sections]) => {
      const rows = [...sections]
        .sort(([a], [b]) => bySection(a, b))
        .map(([section, { code, tests }]) => `| §${section} | ${short(code)} | ${short(tests)} |`)
      return `## RFC ${rfc}\n\n| section | obeyed in | tested in |\n| --- | --- | --- |\n${rows.join('\n')}\n`
    })
  return `# RFC coverage

${GENERATED}

Where the code cites a section, it obeys it there; where a test cites it, the test fails when the rule is broken.

${chapters.join('\n')}`
}
