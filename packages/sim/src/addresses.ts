import type { Side } from './scenario.js'

/** Where the two routers are, and where they go. `natted`: router a behind a NAT at `outside`. */
export const ADDRESSES = {
  4: {
    a: '192.0.2.1',
    moved: '192.0.2.200',
    b: '198.51.100.1',
    movedB: '198.51.100.200',
    inside: '10.0.0.2',
    natted: '10.0.9.2',
    outside: '203.0.113.7',
  },
  6: {
    a: '2001:db8:1::1',
    moved: '2001:db8:1::200',
    b: '2001:db8:2::1',
    movedB: '2001:db8:2::200',
    inside: 'fd00::2',
    natted: 'fd00:9::2',
    outside: '2001:db8:9::7',
  },
} as const

export type Destination = 'home' | 'other' | 'natted'

/** The address of a router that goes there, and the one that the others see. */
export function destination(
  family: 4 | 6,
  side: Side,
  to: Destination,
): { readonly address: string; readonly seen: string } {
  const { a, moved, b, movedB, natted, outside } = ADDRESSES[family]
  if (to === 'natted') return { address: natted, seen: outside }
  const address = side === 'a' ? (to === 'home' ? a : moved) : to === 'home' ? b : movedB
  return { address, seen: address }
}
