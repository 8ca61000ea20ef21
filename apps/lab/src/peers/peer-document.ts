import { ADDRESSES, type Family, type Side } from '../net/topology.js'

export interface PeerWish {
  readonly side: Side
  readonly family?: Family
  readonly name?: string
  readonly psk?: string
  readonly ppk?: { readonly id: string; readonly secret: string; readonly required?: boolean }
  /** Instead of a PSK. */
  readonly auth?: Readonly<Record<string, unknown>>
  readonly ike?: readonly string[]
  readonly esp?: readonly string[]
  readonly mode?: 'tunnel' | 'transport'
  readonly encapsulation?: 'auto' | 'udp' | 'none'
  readonly df?: 'set' | 'clear' | 'copy'
  readonly dscp?: number | 'copy'
  readonly greKey?: number
  readonly greChecksum?: boolean
  readonly greSequence?: boolean
  /** Our addresses, the first and further ones; empty: whatever the routing table chooses. Left out: that of the side. */
  readonly local?: readonly string[]
  readonly mobike?: boolean
  /** As the far end sees us, where a NAT is between. */
  readonly remote?: string
  readonly initiate?: boolean
  readonly liveness?: string
  readonly tcp?: 'auto' | 'always' | 'never'
  readonly childless?: boolean
  readonly routes?: readonly string[]
}

export const PSK = 'lab-psk-0123456789abcdef'
export const id = (side: Side): string => `site-${side.toLowerCase()}.lab`
export const far = (side: Side): Side => (side === 'A' ? 'B' : 'A')

/** Pure: the peer document by which a lab router knows the other one. */
export function peerDocument(wish: PeerWish): Record<string, unknown> {
  const { side, family = 4 } = wish
  const there = far(side)
  const given = <K extends string>(key: K, value: unknown): Partial<Record<K, unknown>> =>
    value === undefined ? {} : ({ [key]: value } as Record<K, unknown>)
  return {
    name: wish.name ?? `site-${there.toLowerCase()}`,
    local: { ...localAddresses(wish.local ?? [ADDRESSES.wan[side][family]]), id: id(side) },
    remote: { address: wish.remote ?? ADDRESSES.wan[there][family], id: id(there) },
    auth: { ...(wish.auth ?? { method: 'psk', psk: wish.psk ?? PSK }), ...given('ppk', wish.ppk) },
    ike: {
      ...given('proposals', wish.ike),
      ...given('initiate', wish.initiate),
      ...given('liveness', wish.liveness),
      ...given('tcp', wish.tcp),
      ...given('mobike', wish.mobike),
      ...given('childless', wish.childless),
    },
    esp: {
      ...given('proposals', wish.esp),
      ...given('mode', wish.mode),
      ...given('encapsulation', wish.encapsulation),
      ...given('df', wish.df),
      ...given('dscp', wish.dscp),
    },
    gre: {
      ...given('key', wish.greKey),
      ...given('checksum', wish.greChecksum),
      ...given('sequence', wish.greSequence),
    },
    tunnel: {
      interface: 'gre1',
      addresses: [`${ADDRESSES.tunnel[side][4]}/30`, `${ADDRESSES.tunnel[side][6]}/64`],
      routes: wish.routes ?? [ADDRESSES.site[there][4], ADDRESSES.site[there][6]],
    },
  }
}

const localAddresses = ([address, ...addresses]: readonly string[]) => ({
  ...(address === undefined ? {} : { address }),
  ...(addresses.length === 0 ? {} : { addresses }),
})
