import type { Prefix } from '../address.js'

/** What LSAs of both versions say, as far as routes are made of it. */
export type LsaBody =
  | RouterLsa
  | {
      readonly type: 'network'
      readonly routers: readonly string[] /** Version 2. */
      readonly prefix?: Prefix
    }
  /** Version 3: prefixes of a router or of a network. */
  | {
      readonly type: 'intra-area-prefix'
      readonly of: 'router' | 'network'
      readonly linkStateId: string
      readonly router: string
      readonly prefixes: readonly Reach[]
    }
  /** Type 3; version 3: inter-area-prefix. */
  | ({ readonly type: 'summary-network' } & Reach)
  /** Type 4; version 3: inter-area-router. */
  | { readonly type: 'summary-router'; readonly router: string; readonly metric: number }
  /** Types 5 and 7. */
  | ({
      readonly type: 'external'
      /** RFC 2328 §16.4: larger than any path inside. */
      readonly type2: boolean
      readonly forwardingAddress?: Uint8Array
    } & Reach)
  /** Nothing that a route is made of. */
  | { readonly type: 'other' }

export interface Reach {
  readonly prefix: Prefix
  readonly metric: number
}

export interface RouterLsa {
  readonly type: 'router'
  /** RFC 5340 §A.2: both its V6 and its R bit; always in version 2. */
  readonly forwards: boolean
  readonly links: readonly RouterLink[]
}

export type RouterLink =
  | { readonly to: 'router'; readonly router: string; readonly metric: number }
  /** Of a network: the Link State ID of its LSA, and in version 3 who says it. */
  | {
      readonly to: 'network'
      readonly linkStateId: string
      readonly router?: string
      readonly metric: number
    }
  | ({ readonly to: 'stub' } & Reach)

/** RFC 2328 §B: LSInfinity. */
export const UNREACHABLE = 0xffffff
