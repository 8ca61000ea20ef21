import { table } from '../words.js'
import type { Crossing, DrillReport, RekeyCounts, RouterFigures } from './verdict.js'

const ROWS: readonly (readonly [keyof RekeyCounts, string])[] = [
  ['begun', 'requests sent'],
  ['finished', 'requests that made an SA'],
  ['answered', 'SAs made for the peer'],
  ['crossed', 'crossings'],
  ['redundant', 'redundant SAs closed'],
  ['deferred', 'put off (TEMPORARY_FAILURE)'],
]

function rekeys({ asked, here, other }: DrillReport): string {
  const cells = (what: 'child' | 'ike', key: keyof RekeyCounts): string[] => [
    String(here[what][key]),
    ...(other === null ? [] : [String(other[what][key])]),
  ]
  const rows = (['child', 'ike'] as const).flatMap(what => [
    [
      what === 'child' ? 'ESP SAs' : 'IKE SA',
      'asked for',
      ...[asked.here, ...(other ? [asked.other] : [])].map(n => String(n[what])),
    ],
    ...ROWS.map(([key, text]) => ['', text, ...cells(what, key)]),
  ])
  return table(['REKEYS', '', 'HERE', ...(other === null ? [] : ['OTHER'])], rows)
}

const crossing = (way: string, { sent, received, lost }: Crossing): string =>
  sent === null
    ? `  ${way}: ${received} received, ${lost} missing by their sequence numbers`
    : `  ${way}: ${sent} sent, ${received} received, ${lost} lost`

const dropLines = (where: string, { drops, unsent }: RouterFigures): string[] => [
  ...(unsent === 0 ? [] : [`  ${where}: ${unsent} found no SA to leave by`]),
  ...drops.map(({ reason, direction, count }) => `  ${where}: ${count} dropped ${direction}, ${reason}`),
]

const settled = ({ here, other }: DrillReport): string =>
  here.settled
    ? `In the end: one IKE SA and one pair of ESP SAs${other === null ? '' : ', the same on both routers'}.`
    : 'In the end: not one IKE SA and one pair of ESP SAs.'

/** What the drill did, for people. */
export function drillText(report: DrillReport): string {
  const { tunnel, count, other, probes, seconds, hereToOther, otherToHere, here } = report
  const from =
    other === null
      ? 'from this router only (give --other to let both rekey, and cross)'
      : `from both routers; the other calls it ${other.tunnel}`
  return [
    `${tunnel}: ${count} rekeys in ${seconds.toFixed(1)} s, ${from}.`,
    rekeys(report),
    'Packets on the SAs that came and went:',
    ...(hereToOther === null
      ? ['  here to the other: only the probes tell']
      : [crossing('here to the other', hereToOther)]),
    crossing('the other to here', otherToHere),
    probes.missing === null
      ? `  probes: ${probes.sent} sent, ${probes.answered} answered, ${probes.sent - probes.answered} lost`
      : `  probes: none. ${probes.missing}`,
    ...dropLines('here', here),
    ...(other === null ? [] : dropLines('other', other)),
    ...report.unfinished.map(text => `  not done: ${text}`),
    settled(report),
    report.passed ? 'Passed: no packet was lost.' : `Failed: ${report.lost} packets were lost.`,
  ].join('\n')
}
