import { drive, type Instant, type Machine, millis } from '@brunel/base'
import { Ike, type IkeEffect, type IkeInput } from '@brunel/ikev2'
import { Dice, peerOf, SeededRandom, toyCryptography, VirtualTime, WISHES } from '@brunel/sim'
import t from 'tap'

/** A router that has come back, and everybody who has a tunnel with it. */
const HUB = { name: 'hub', address: '192.0.2.1' }
const branch = (i: number) => ({ name: `branch-${i}`, address: `198.51.${100 + (i >> 8)}.${i & 255}` })

interface Storm {
  /** When the last child stood, on either side. */
  readonly upAfter: number
  readonly children: number
  readonly failures: number
  readonly sent: number
  readonly lost: number
}

/**
 * All branches begin at the same instant. The line takes 20 ms; the hub takes `each` ms for a message and has room for
 * `room` of them, so that the rest is lost and comes again.
 */
function storm(branches: number, { each, room }: { readonly each: number; readonly room: number }): Storm {
  const time = new VirtualTime()
  const figures = { upAfter: 0, failures: 0, sent: 0, lost: 0 }
  const children = new Set<string>()
  const routers = new Map<string, (input: IkeInput) => void>()
  let waiting = 0

  const deliver = (address: string, input: IkeInput): void => {
    if (address !== HUB.address) return time.after(millis(20), () => routers.get(address)?.(input))
    time.after(millis(20), () => {
      if (waiting === room) {
        figures.lost++
        return
      }
      waiting++
      time.after(millis(each * waiting), () => {
        waiting--
        routers.get(address)?.(input)
      })
    })
  }
  const perform = (name: string, effect: IkeEffect): void => {
    if (effect.do === 'send') {
      figures.sent++
      const { bytes, local, remote } = effect
      deliver(remote.address, { on: 'datagram', bytes, local: remote, remote: local })
    } else if (effect.do === 'child-install') {
      children.add(`${name} ${effect.child.peer} ${effect.child.spiIn}`)
      figures.upAfter = time.now()
    } else if (effect.do === 'child-remove') children.delete(`${name} ${effect.peer} ${effect.spiIn}`)
    else if (effect.do === 'report' && effect.event.event === 'failed') figures.failures++
  }
  const router = ({ name, address }: typeof HUB, seed: number) => {
    const dice = new Dice(seed)
    const ike: Machine<IkeInput, IkeEffect> = new Ike({
      random: new SeededRandom(seed, name),
      crypto: toyCryptography(dice),
    })
    const host = {
      now: (): Instant => time.now(),
      perform: (e: IkeEffect) => perform(name, e),
      wakeAt: time.alarm(),
    }
    const feed = drive(ike, host)
    routers.set(address, feed)
    return feed
  }

  const hub = router(HUB, 1)
  const begin = Array.from({ length: branches }, (_, i) => {
    hub({ on: 'peer-set', peer: peerOf(HUB, branch(i), { ...WISHES, initiate: false }) })
    return { feed: router(branch(i), i + 2), peer: peerOf(branch(i), HUB, WISHES) }
  })
  for (const { feed, peer } of begin) feed({ on: 'peer-set', peer })
  time.runUntil((time.now() + 60_000) as Instant)
  return { ...figures, children: children.size }
}

t.test('200 routers that begin at the same instant all have their tunnel, and none fails', async t => {
  const easy = storm(200, { each: 1, room: 1000 })
  t.match(easy, { children: 400, failures: 0, lost: 0 })
  t.ok(easy.upAfter < 3000, `all up after ${easy.upAfter} ms, ${easy.sent} messages`)
})

t.test('where the hub is too slow for all of them at once they come again, and none fails', async t => {
  const hard = storm(200, { each: 4, room: 64 })
  t.match(hard, { children: 400, failures: 0 })
  t.ok(hard.lost > 100, `${hard.lost} messages were lost`)
  t.ok(hard.upAfter < 12_000, `all up after ${hard.upAfter} ms, ${hard.sent} messages`)
})
