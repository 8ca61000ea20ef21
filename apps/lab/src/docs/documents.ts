import { configDoc, errorsDoc } from '@brunel/config'
import { FINDINGS } from '@brunel/ospf-relay'
import { dropsDocument } from './drops.js'
import { rfcCoverageDocument } from './rfc-coverage.js'
import { sources } from './sources.js'
import { ikeCodes, SYSTEM_CODES } from './system-codes.js'

/** Every generated document: its name under docs/, and how it comes about. */
export function documents(): ReadonlyMap<string, string> {
  const all = sources()
  const failures = all.filter(({ path }) =>
    /^packages\/ikev2\/src\/(certificate-|ppk-)?failures\.ts$/.test(path),
  )
  const ike = Object.assign({}, ...failures.map(ikeCodes)) as ReturnType<typeof ikeCodes>
  return new Map([
    ['drops.md', dropsDocument()],
    ['errors.md', errorsDoc({ ...SYSTEM_CODES, ...FINDINGS, ...ike })],
    ['config.md', configDoc()],
    ['rfc-coverage.md', rfcCoverageDocument(all)],
  ])
}
