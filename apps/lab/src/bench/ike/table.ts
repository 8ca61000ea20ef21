import type { FlowFigures } from './flow.js'
import type { MemoryFigures, RateFigures, RekeyFigures, StormFigures } from './rounds.js'

export interface Figures {
  readonly rates: RateFigures[]
  readonly rekeys: RekeyFigures[]
  readonly memory: MemoryFigures[]
  storm: StormFigures | undefined
  readonly flow: FlowFigures[]
}

const row = (cells: readonly string[]): string =>
  `${cells.map((cell, i) => (i === 0 ? cell.padEnd(28) : cell.padStart(15))).join('')}\n`

const kib = (octets: number): string => `${(octets / 1024).toFixed(1)} KiB`

/** For people. Pure. */
export function table({ rates, rekeys, memory, storm, flow }: Figures): string {
  const lines: string[] = []
  if (rates.length > 0)
    lines.push(row(['', 'set-ups/s', 'CPU ms init.', 'CPU ms resp.', 'median ms', 'p99 ms', 'failed']))
  for (const f of rates)
    lines.push(
      row([
        ...[f.suite, f.perSecond.toFixed(0), f.cpuMs.initiator.toFixed(2), f.cpuMs.responder.toFixed(2)],
        ...[f.medianMs.toFixed(2), f.p99Ms.toFixed(2), String(f.failed)],
      ]),
    )
  for (const f of rekeys)
    lines.push(
      row([
        f.what === 'ike' ? 'rekeys of IKE SAs' : 'rekeys of child SAs, PFS',
        ...[f.perSecond.toFixed(0), f.cpuMs.initiator.toFixed(2), f.cpuMs.responder.toFixed(2)],
      ]),
    )
  if (memory.length > 0)
    lines.push('\n', row(['per tunnel', 'heap init.', 'heap resp.', 'resident init.', 'resident resp.']))
  for (const { tunnels, heapPerTunnel: heap, residentPerTunnel: resident } of memory)
    lines.push(
      row([
        `${tunnels} tunnels`,
        ...[heap.initiator, heap.responder, resident.initiator, resident.responder].map(kib),
      ]),
    )
  if (storm !== undefined)
    lines.push(
      `\n${storm.peers} peers at once: all up after ${(storm.milliseconds / 1000).toFixed(2)} s, ` +
        `${storm.repeated} messages sent again, ${storm.failed} failures\n`,
    )
  if (flow.length > 0) lines.push('\n', row(['from added to flowing', 'median ms', 'p99 ms', 'POST ms']))
  for (const f of flow)
    lines.push(row([f.name, f.medianMs.toFixed(0), f.p99Ms.toFixed(0), f.postMs.toFixed(0)]))
  return lines.join('')
}
