import { DROP_NAMES, DROPS } from '@brunel/base'
import { GENERATED } from './sources.js'

/** docs/drops.md: every reason for which a packet is dropped. */
export function dropsDocument(): string {
  const rows = DROP_NAMES.map(name => `| \`${name}\` | ${DROPS[name].replaceAll('|', '\\|')} |`)
  return `# Drops

${GENERATED}

A packet that makes no sense is not an error: it is dropped, and counted under one of these words. The word is the label
\`reason\` of \`brunel_drops_total\`, the row of \`brunel drops\` and of \`GET /v1/drops\`.

| reason | the packet was dropped because |
| --- | --- |
${rows.join('\n')}
`
}
