/**
 * The LAN port of a relay in a process of its own: `lan-port.js INTERFACE KIND...`. Takes commands as JSON lines on
 * standard input and says as JSON lines what it hears.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { clearAll, LanPort } from '@brunel/bruneld'

export type LanCommand =
  | { readonly do: 'send' | 'beacon'; readonly hex: string }
  | { readonly do: 'neighbour'; readonly address: string; readonly tunnel: string; readonly present: boolean }
  | { readonly do: 'resident'; readonly address: string; readonly is: boolean }
  | { readonly do: 'report' | 'count' | 'stop' }

export type LanNews =
  | { readonly on: 'packet' | 'beacon'; readonly hex: string }
  | { readonly on: 'drop'; readonly drop: string; readonly count: number }
  | {
      readonly on: 'state'
      readonly is: string
      readonly detail: string
      readonly warnings: readonly string[]
    }
  | { readonly on: 'report'; readonly neighbours: Readonly<Record<string, string>> }
  /** Packets since counting began, and the longest that anything else had to wait, ms. */
  | { readonly on: 'counted'; readonly packets: number; readonly longest: number }

const [name = '', ...kinds] = process.argv.slice(2)
const tell = (news: LanNews): boolean => process.stdout.write(`${JSON.stringify(news)}\n`)
const hex = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')
const delay = monitorEventLoopDelay({ resolution: 1 })
let counted: number | undefined

const port = new LanPort(name, kinds as ('ospf' | 'bfd')[], {
  packet: packet => {
    if (counted === undefined) tell({ on: 'packet', hex: hex(packet) })
    else counted++
  },
  beacon: beacon => tell({ on: 'beacon', hex: hex(beacon) }),
  drop: (drop, count) => tell({ on: 'drop', drop, count }),
  changed: state =>
    tell({
      on: 'state',
      is: state.is,
      detail: state.is === 'waiting' ? state.because.detail : '',
      warnings: state.is === 'open' ? state.warnings.map(({ detail }) => detail) : [],
    }),
})

function count(): void {
  if (counted === undefined) {
    counted = 0
    delay.enable()
    return
  }
  tell({ on: 'counted', packets: counted, longest: delay.max / 1e6 })
  counted = undefined
}

await clearAll()
await port.start()
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as LanCommand
  if (command.do === 'send') port.send(Buffer.from(command.hex, 'hex'))
  else if (command.do === 'beacon') port.beacon(Buffer.from(command.hex, 'hex'))
  else if (command.do === 'neighbour')
    port.neighbour({ address: command.address, tunnel: command.tunnel }, command.present)
  else if (command.do === 'resident') port.resident(command.address, command.is)
  else if (command.do === 'report')
    tell({
      on: 'report',
      neighbours: Object.fromEntries(port.neighbours.map(({ address, presence }) => [address, presence])),
    })
  else if (command.do === 'count') count()
  else await port.stop()
}
