import { millis } from '@brunel/base'
import { Ladder, type PeerWishes, type Side } from '@brunel/sim'
import { Ike as Wire } from '@brunel/wire'

/** What ladders of collisions share: nonces and SPIs laid ready, and what a peer says that is not like ours. */
export const SIDES = ['a', 'b'] as const
export const far = (side: Side): Side => (side === 'a' ? 'b' : 'a')

/** Messages of a drawing as this side begins them: there, and the way back. */
export const arrows = (side: Side): readonly [string, string] =>
  side === 'a' ? ['a ──▶ b', 'a ◀── b'] : ['a ◀── b', 'a ──▶ b']

export const nonce = (n: number): Uint8Array => new Uint8Array(32).fill(n)

/** Values of the nonces of each side in the order it draws them; what is not named is high. */
export interface Script {
  readonly a?: readonly number[]
  readonly b?: readonly number[]
}

/** Both up, and what they draw next: children a1, a2, … and b1, b2, …, IKE SAs likewise. */
export function scripted(script: Script = {}, wishes: readonly Partial<PeerWishes>[] = []): Ladder {
  const ladder = new Ladder(wishes[0], wishes[1] ?? wishes[0]).established()
  for (const side of SIDES) {
    const { espSpis, ikeSpis, nonces } = ladder.random[side]
    for (let n = 1; n <= 6; n++) {
      espSpis.push(spiOf(`${side}${n}`))
      ikeSpis.push(new Uint8Array(8).fill(Number.parseInt(`${side}${n}`, 16)))
      nonces.push(nonce(script[side]?.[n - 1] ?? 0xf0))
    }
  }
  return ladder
}

/** 'a1' is the SPI a1a1a1a1. */
export const spiOf = (name: string): number => Number.parseInt(name.repeat(4), 16)
const nameOf = (spi: number | undefined): string => (spi ?? 0).toString(16).slice(0, 2)

export const childSpi = (ladder: Ladder, side: Side): number =>
  ladder.routers[side].esp.current?.child.spiIn ?? 0

/** The child that both ends send on, by the names of its SPIs: 'a1 b2' is the one that a asked for first. */
export const child = (ladder: Ladder): string =>
  `${nameOf(childSpi(ladder, 'a'))} ${nameOf(childSpi(ladder, 'b'))}`

/** The IKE SAs of a side, initiator first. */
export const ikeSas = (ladder: Ladder, side: Side): string =>
  (ladder.routers[side].report(far(side))?.sas ?? [])
    .map(sa => `${sa.spiInitiator.slice(0, 2)} ${sa.spiResponder.slice(0, 2)}`)
    .join(', ')

export const drawn = (ladder: Ladder): string => ladder.picture.join('\n')

/** A Delete of the child that its sender receives on this SPI. */
export const deleteOf = (spi: number): Wire.PlainPayload => ({
  type: 'D',
  protocol: Wire.PROTOCOL.ESP,
  spis: [Wire.uint32(spi)],
})

export const { NOTIFY, notify } = Wire

/** `side` says this in a request of its own, and its machine knows nothing of it. It waits to be delivered, the last. */
export function say(ladder: Ladder, side: Side, payloads: readonly Wire.PlainPayload[]): void {
  const remote = { address: ladder.routers[far(side)].address, port: 500 }
  const before = ladder.waiting(side)
  const speak = (): void => ladder.routers[side].feed({ on: 'unknown-esp-spi', spi: 4711, remote })
  speak()
  if (ladder.waiting(side) === before) {
    // Such notices are rare: RFC 7296 §2.21.4.
    ladder.pass(millis(3001))
    speak()
  }
  if (ladder.text(side, ladder.waiting(side) - 1) !== 'are you there')
    throw new Error(`${side} cannot speak:\n${drawn(ladder)}`)
  ladder.instead(side, payloads, { nth: ladder.waiting(side) - 1 })
}

/** `side` loses the child that both send on, and the peer, who still has it, does not know. */
export const lose = (ladder: Ladder, side: Side): void => losing(ladder, side, childSpi(ladder, far(side)))

/** Both have lost it. */
export function loseBoth(ladder: Ladder): void {
  const [a, b] = [childSpi(ladder, 'a'), childSpi(ladder, 'b')]
  losing(ladder, 'a', b)
  losing(ladder, 'b', a)
}

/** The peer is made to say that it deletes what it receives on this SPI. */
function losing(ladder: Ladder, side: Side, theirs: number): void {
  say(ladder, far(side), [deleteOf(theirs)])
  ladder.deliver(far(side))
  ladder.instead(side, [])
  ladder.deliver(side)
  ladder.picture.length = 0
}

/** The request of `side` never comes to its peer, who seems to answer it so. The answer waits to be delivered. */
export function refuse(ladder: Ladder, side: Side, answer: Wire.PlainPayload): void {
  ladder.instead(side, [], { exchangeType: Wire.EXCHANGE.INFORMATIONAL })
  ladder.deliver(side)
  const nth = ladder.waiting(far(side)) - 1
  ladder.instead(far(side), [answer], { exchangeType: Wire.EXCHANGE.CREATE_CHILD_SA, nth })
}

/** Everything comes to its end; what is wrong then. */
export function end(ladder: Ladder, seconds = 45): string | undefined {
  ladder.flush()
  ladder.settle(seconds)
  return ladder.fault()
}

/**
 * The same where `say` made a machine seem to delete a child that it still holds. Data flow on without being counted,
 * and lifetimes end: so an end learns of a child that the other one does not have (RFC 7296 §1.5, §2.25).
 */
export function heal(ladder: Ladder): string | undefined {
  ladder.flush()
  for (let n = 0; n < 60; n++) {
    ladder.settle(1)
    for (const side of SIDES) ladder.routers[side].transmit(far(side), n)
    if (n === 10) for (const side of SIDES) ladder.rekey(side, 'child')
  }
  return end(ladder)
}
