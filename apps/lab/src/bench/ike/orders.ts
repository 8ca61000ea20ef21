import type { Authority, Role, Suite } from './suites.js'

/** Tunnels by number, `to` not among them. */
interface Range {
  readonly from: number
  readonly to: number
}

/** What the benchmark tells an end to do; each is answered before the next. */
export type Order =
  | ({
      readonly do: 'configure'
      readonly role: Role
      readonly suite: Suite
      readonly authority: Authority | undefined
    } & Range)
  /** `watch`: what is sent twice is counted, which costs memory. */
  | ({ readonly do: 'set-up'; readonly atOnce: number; readonly watch: boolean } & Range)
  | ({ readonly do: 'rekey'; readonly what: 'ike' | 'child'; readonly atOnce: number } & Range)
  | { readonly do: 'memory' }
  | { readonly do: 'cpu' }
  | { readonly do: 'problems' }
  | { readonly do: 'clear' }
  | { readonly do: 'stop' }

export interface Worked {
  readonly milliseconds: number
  readonly cpuMs: number
  /** Of each tunnel, in ms. */
  readonly took: readonly number[]
  readonly failed: number
  readonly sent: number
  readonly repeated: number
}

export interface Memory {
  readonly heap: number
  readonly rss: number
  readonly external: number
  readonly arrayBuffers: number
}

export interface Answers {
  readonly configure: undefined
  readonly 'set-up': Worked
  readonly rekey: Worked
  readonly memory: Memory
  /** Of the process since it began, in ms. */
  readonly cpu: number
  readonly problems: readonly string[]
  readonly clear: undefined
  readonly stop: undefined
}
