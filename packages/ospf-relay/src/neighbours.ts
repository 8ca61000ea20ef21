import { type Instant, type Millis, seconds, since } from '@brunel/base'
import { Ospf } from '@brunel/wire'
import type { Port } from './contract.js'

/** Who speaks, and where he is heard. */
export interface Speaker {
  readonly port: Port
  readonly address: string
  readonly routerId: string
}

export interface Subnet {
  readonly address: number
  readonly mask: number
}

/** One router as its packets show it. What it thinks of another is in `towards`, by the key of the other. */
export interface Neighbour {
  readonly key: string
  readonly port: Port
  readonly address: string
  readonly version: Ospf.Version
  readonly instance: number
  routerId: string
  area: string
  authentication: Authentication
  heardAt: Instant
  hello?: Ospf.Hello
  /** What its address and its last Hello say, version 2. */
  subnet?: Subnet | undefined
  /** Others of its subnet spoke, when it was last looked at. */
  inCompany?: boolean
  /** What of its last Hello others may refuse. */
  says?: string
  /** When the last Hello and the one before it came. */
  helloAt?: Instant
  previousHelloAt?: Instant | undefined
  /** Since when its Hellos name a Designated Router. */
  electsSince?: Instant | undefined
  /** How many Hellos in a row named none. */
  withoutElection: number
  /** Of its last Database Description. */
  mtu?: number
  readonly towards: Map<string, Towards>
}

export interface Towards {
  /** Hellos in a row that do not name the other, though it had spoken. */
  deaf: number
  /** Since when its Hellos name the other. */
  namedSince?: Instant | undefined
  description?: Ospf.DatabaseDescription | undefined
  describedAt?: Instant
  /** It has requested what the other has not sent yet. */
  asked?: boolean
}

/** RFC 2328 §10.1, as far as it shows from outside. */
export type NeighbourState = 'Down' | 'Init' | '2-Way' | 'ExStart' | 'Exchange' | 'Loading' | 'Full'

export interface NeighbourReport {
  readonly port: Port
  readonly address: string
  readonly version: Ospf.Version
  readonly instance: number
  readonly routerId: string
  readonly area: string
  /** `none`, `simple password`, `cryptographic, key 1, digest of 16 octets`… */
  readonly authentication: string
  readonly hello?: {
    readonly helloInterval: number
    readonly deadInterval: number
    readonly mask?: string
    /** What the options say of the area: RFC 2328 §A.2. */
    readonly areaKind: AreaKind
    readonly options: number
    readonly priority: number
    readonly designatedRouter: string
    readonly backupDesignatedRouter: string
    readonly neighbours: readonly string[]
  }
  /** Interface MTU of its last Database Description, RFC 2328 §A.3.3. */
  readonly mtu?: number
  readonly heardAt: Instant
  readonly silentSince?: Instant
  /** Its own state for each router on the other ports. */
  readonly states: readonly {
    readonly routerId: string
    readonly address: string
    readonly state: NeighbourState
  }[]
}

export type AreaKind = 'normal' | 'stub' | 'NSSA'

/** RFC 2328 §C.3 */
const DEAD: Millis = seconds(40)
const NONE = '0.0.0.0'

export const deadInterval = ({ hello }: Neighbour): Millis =>
  hello === undefined ? DEAD : seconds(Math.max(1, hello.deadInterval))
export const isSilent = (now: Instant, n: Neighbour): boolean => since(n.heardAt, now) > deadInterval(n)
/** Two Hellos are missing. */
export const isLate = (now: Instant, n: Neighbour): boolean =>
  since(n.heardAt, now) > 2 * seconds(Math.max(1, n.hello?.helloInterval ?? 10))
export const elects = ({ hello }: Neighbour): boolean =>
  hello !== undefined && hello.designatedRouter !== NONE
export const towards = (a: Neighbour, b: Neighbour): Towards => {
  const known = a.towards.get(b.key) ?? { deaf: 0 }
  a.towards.set(b.key, known)
  return known
}

/** RFC 2328 §A.2; N: RFC 5340 §A.2. */
export const areaKind = (options: number): AreaKind =>
  Ospf.externalRouting(options) ? 'normal' : Ospf.nssa(options) ? 'NSSA' : 'stub'

/** Of OSPFv3 also the authentication header of IPsec, RFC 4552 §3. */
export type Authentication = Ospf.Authentication | { readonly type: 'ah'; readonly spi: number }

export function authenticationText(authentication: Authentication): string {
  switch (authentication.type) {
    case 'ah':
      return `AH, SPI ${authentication.spi}`
    case 'null':
      return 'none'
    case 'password':
      return 'simple password'
    case 'unknown':
      return `type ${authentication.number}`
    default: {
      const name = {
        cryptographic: 'cryptographic',
        extended: 'cryptographic (RFC 7474)',
        trailer: 'trailer',
      }
      const { type, keyId, digestLength } = authentication
      return `${name[type]}, key ${keyId}, digest of ${digestLength} octets`
    }
  }
}
