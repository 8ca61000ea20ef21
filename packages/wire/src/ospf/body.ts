import type { Drop } from '@brunel/base'
import { dotted, HEADER, type Version } from './header.js'

/** RFC 2328 §A.3.1; RFC 5340 §A.3.1 has the same. */
export const TYPE = {
  hello: 1,
  databaseDescription: 2,
  linkStateRequest: 3,
  linkStateUpdate: 4,
  linkStateAcknowledgment: 5,
} as const

/** Bits of the Options field that have one place in both versions: RFC 2328 §A.2, RFC 5340 §A.2. */
const E = 0x02
const N = 0x08

export const externalRouting = (options: number): boolean => (options & E) !== 0
export const nssa = (options: number): boolean => (options & N) !== 0

/** RFC 2328 §A.3.3 */
export const FLAG = { init: 4, more: 2, master: 1 } as const

export interface Hello {
  readonly type: 'hello'
  /** Version 2 only. */
  readonly mask?: string
  /** Version 3 only. */
  readonly interfaceId?: number
  /** Seconds. */
  readonly helloInterval: number
  readonly deadInterval: number
  readonly options: number
  readonly priority: number
  /** Version 2: an interface address; version 3: a router id. */
  readonly designatedRouter: string
  readonly backupDesignatedRouter: string
  /** Router ids. */
  readonly neighbours: readonly string[]
}

export interface DatabaseDescription {
  readonly type: 'database-description'
  readonly mtu: number
  readonly options: number
  readonly init: boolean
  readonly more: boolean
  readonly master: boolean
  readonly sequence: number
  /** How many LSA headers. */
  readonly headers: number
}

export type Body =
  | Hello
  | DatabaseDescription
  | { readonly type: 'link-state-request'; readonly requests: number }
  | { readonly type: 'link-state-update'; readonly lsas: number }
  | { readonly type: 'link-state-acknowledgment'; readonly headers: number }

/** Of Hello, without its neighbours, in both versions. */
export const HELLO = 20
const LSA_HEADER = 20
const REQUEST = 12

const options24 = (view: DataView, at: number): number => view.getUint32(at) & 0xffffff

export function bodyOf(view: DataView, version: Version): Body | Drop {
  const at = HEADER[version]
  const length = view.getUint16(2) - at
  switch (view.getUint8(1)) {
    case TYPE.hello:
      if (length < HELLO || length % 4 !== 0) return 'ospf-body'
      return version === 2 ? helloV2(view, at, length) : helloV3(view, at, length)
    case TYPE.databaseDescription:
      return databaseDescription(view, version, length)
    case TYPE.linkStateRequest:
      return length % REQUEST === 0 ? { type: 'link-state-request', requests: length / REQUEST } : 'ospf-body'
    case TYPE.linkStateUpdate:
      return linkStateUpdate(view, at, length)
    case TYPE.linkStateAcknowledgment:
      return length % LSA_HEADER === 0
        ? { type: 'link-state-acknowledgment', headers: length / LSA_HEADER }
        : 'ospf-body'
    default:
      return 'ospf-body'
  }
}

const neighbours = (view: DataView, at: number, length: number): string[] =>
  Array.from({ length: (length - HELLO) / 4 }, (_, i) => dotted(view, at + HELLO + i * 4))

/**
 * RFC 2328 §A.3.2
 *
 *    |                        Network Mask                           |
 *    |         HelloInterval         |    Options    |    Rtr Pri    |
 *    |                     RouterDeadInterval                        |
 *    |                      Designated Router                        |
 *    |                   Backup Designated Router                    |
 *    |                          Neighbor …                           |
 */
const helloV2 = (view: DataView, at: number, length: number): Hello => ({
  type: 'hello',
  mask: dotted(view, at),
  helloInterval: view.getUint16(at + 4),
  options: view.getUint8(at + 6),
  priority: view.getUint8(at + 7),
  deadInterval: view.getUint32(at + 8),
  designatedRouter: dotted(view, at + 12),
  backupDesignatedRouter: dotted(view, at + 16),
  neighbours: neighbours(view, at, length),
})

/**
 * RFC 5340 §A.3.2
 *
 *    |                        Interface ID                           |
 *    | Rtr Priority  |             Options                           |
 *    |        HelloInterval          |       RouterDeadInterval      |
 *    |                   Designated Router ID                        |
 *    |                Backup Designated Router ID                    |
 *    |                        Neighbor ID …                          |
 */
const helloV3 = (view: DataView, at: number, length: number): Hello => ({
  type: 'hello',
  interfaceId: view.getUint32(at),
  priority: view.getUint8(at + 4),
  options: options24(view, at + 4),
  helloInterval: view.getUint16(at + 8),
  deadInterval: view.getUint16(at + 10),
  designatedRouter: dotted(view, at + 12),
  backupDesignatedRouter: dotted(view, at + 16),
  neighbours: neighbours(view, at, length),
})

/**
 * RFC 2328 §A.3.3                                    RFC 5340 §A.3.3
 *
 *    |  Interface MTU  | Options |00000|I|M|MS|       |   0   |             Options            |
 *    |          DD sequence number            |       |  Interface MTU  |    0   |00000|I|M|MS|
 *    |            LSA headers …               |       |          DD sequence number            |
 */
function databaseDescription(view: DataView, version: Version, length: number): DatabaseDescription | Drop {
  const fixed = version === 2 ? 8 : 12
  if (length < fixed || (length - fixed) % LSA_HEADER !== 0) return 'ospf-body'
  const at = HEADER[version]
  const flags = view.getUint8(at + fixed - 5)
  return {
    type: 'database-description',
    mtu: view.getUint16(version === 2 ? at : at + 4),
    options: version === 2 ? view.getUint8(at + 2) : options24(view, at),
    init: (flags & FLAG.init) !== 0,
    more: (flags & FLAG.more) !== 0,
    master: (flags & FLAG.master) !== 0,
    sequence: view.getUint32(at + fixed - 4),
    headers: (length - fixed) / LSA_HEADER,
  }
}

/** RFC 2328 §A.3.5, §A.4.1: a count, and LSAs that say their length in octets 18 and 19. */
function linkStateUpdate(view: DataView, from: number, length: number): Body | Drop {
  if (length < 4) return 'ospf-body'
  const end = from + length
  const lsas = view.getUint32(from)
  let [at, count] = [from + 4, 0]
  for (; end - at >= LSA_HEADER; count++) {
    const one = view.getUint16(at + 18)
    if (one < LSA_HEADER || one > end - at) return 'ospf-body'
    at += one
  }
  return at === end && count === lsas ? { type: 'link-state-update', lsas } : 'ospf-body'
}
