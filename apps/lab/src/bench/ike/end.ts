/**
 * One of the two ends of the IKE benchmark, a process of its own, told by its maker over the channel what to do. It holds
 * what bruneld holds: `IkeHost`, a `Tunnel` for each peer, sockets, pumps and sealer; only TUN interfaces and iproute2
 * are left out.
 */
import { performance } from 'node:perf_hooks'
import type { WallClock } from '@brunel/base'
import { IkeHost, ikePeer, now, Tunnel } from '@brunel/bruneld'
import { normalise, type Peer, pskOctets } from '@brunel/config'
import {
  certificationAt,
  privateKeyIn,
  SIGNATURE_HASHES,
  systemCryptography,
  systemRandom,
} from '@brunel/crypto'
import type { IkeEvent } from '@brunel/ikev2'
import { openPacketIo } from '@brunel/packet-io'
import type { Answers, Order } from './orders.js'
import { configuredPeer, initiatorAddress, RESPONDER, tunnelName } from './suites.js'
import { UntunnelledIo } from './untunnelled-io.js'

const tunnels = new Map<string, Tunnel>()
const problems: string[] = []
const counts = { failed: 0, sent: 0, repeated: 0 }
/** Everything sent, while it is counted what was sent twice. */
let seen: Set<string> | undefined
/** Who waits for an event of a tunnel. */
let listener: (event: IkeEvent) => void = () => undefined

const io = new UntunnelledIo(
  openPacketIo({
    ports: { ike: 500, natt: 4500 },
    onEvent: event => {
      if (event.on === 'released') io.removeSa(event.sa)
      else if (event.on === 'bug' || event.on === 'pump-ended') problems.push(event.what)
      else host.datapath(event)
    },
  }),
  bytes => {
    counts.sent++
    if (seen === undefined) return
    const text = Buffer.from(bytes).toString('latin1')
    if (seen.has(text)) counts.repeated++
    else seen.add(text)
  },
)
const host: IkeHost = new IkeHost({
  io,
  random: systemRandom,
  crypto: systemCryptography,
  certification: certificationAt(() => Date.now() as WallClock, SIGNATURE_HASHES),
  now,
  tunnel: name => tunnels.get(name),
  tunnels: () => tunnels.values(),
  onEvent: event => {
    if (event.event === 'failed') counts.failed++
    listener(event)
  },
  onDrop: () => undefined,
  onDeaf: () => undefined,
  onSendFailure: (remote, error) => problems.push(`${remote}: ${String(error)}`),
  onBug: error => problems.push((error as Error).stack ?? String(error)),
  keyLog: undefined,
  revocation: {
    fetch: () => Promise.reject(new Error('nothing is fetched here')),
    cache: { read: () => undefined, write: () => undefined },
    refresh: 3_600_000,
    warn: what => problems.push(what),
  },
})
host.start()

const interfaces = {
  configure: async () => undefined,
  setMtu: async () => undefined,
  routeTo: async () => undefined,
  exists: () => false,
  remove: async () => undefined,
}

async function configure(order: Extract<Order, { do: 'configure' }>): Promise<void> {
  const { role, from, to, suite, authority } = order
  for (let i = from; i < to; i++) {
    const { document, psk, privateKey } = await configuredPeer(role, i, suite, authority)
    const peer: Peer = normalise(document)
    tunnels.set(
      peer.name,
      new Tunnel(peer, {
        io,
        interfaces,
        now,
        chance: () => 0.5,
        warn: (_, what) => problems.push(what),
        tellMtu: () => undefined,
        onMtu: () => undefined,
        routed: () => undefined,
        onBug: error => problems.push(String(error)),
      }),
    )
    const [source, remote] =
      role === 'initiator' ? [initiatorAddress(i), RESPONDER] : [RESPONDER, initiatorAddress(i)]
    const secrets = {
      psk: privateKey === undefined ? pskOctets(psk) : undefined,
      privateKey: privateKey === undefined ? undefined : octets(privateKeyIn(privateKey)),
      ppk: undefined,
    }
    const bearing = { is: 'known', remote, route: { device: 'veth', source, mtu: 1500 } } as const
    const told = ikePeer(peer, secrets, bearing, 'bench')
    if (told === undefined) throw new Error(`${peer.name}: no secret`)
    host.feed({ on: 'peer-set', peer: told })
  }
}

function octets(key: Uint8Array | string | undefined): Uint8Array {
  if (typeof key !== 'object') throw new Error('the private key cannot be read')
  return key
}

/** Does it for a range of tunnels, so many at a time; answers how long each took, in ms. */
function each(
  { from, to, atOnce }: { readonly from: number; readonly to: number; readonly atOnce: number },
  work: { readonly begin: (peer: string) => void; readonly done: (event: IkeEvent) => string | undefined },
): Promise<readonly number[]> {
  const took: number[] = []
  const begun = new Map<string, number>()
  let next = from
  return new Promise(resolve => {
    const more = (): void => {
      while (begun.size < atOnce && next < to) {
        const peer = tunnelName(next++)
        begun.set(peer, performance.now())
        work.begin(peer)
      }
      if (begun.size === 0) resolve(took)
    }
    listener = event => {
      const peer = work.done(event)
      const at = peer === undefined ? undefined : begun.get(peer)
      if (peer === undefined || at === undefined) return
      took.push(performance.now() - at)
      begun.delete(peer)
      setImmediate(more) // the machine is not fed by its own effect
    }
    more()
  })
}

async function measured(work: () => Promise<readonly number[]>): Promise<Answers['set-up']> {
  const before = { ...counts }
  const cpu = process.cpuUsage()
  const at = performance.now()
  const took = await work()
  const { user, system } = process.cpuUsage(cpu)
  return {
    milliseconds: performance.now() - at,
    cpuMs: (user + system) / 1000,
    took,
    failed: counts.failed - before.failed,
    sent: counts.sent - before.sent,
    repeated: counts.repeated - before.repeated,
  }
}

/** A set-up is done when its child stands; the answer that brings it is the last message. */
const setUp = (order: Extract<Order, { do: 'set-up' }>): Promise<Answers['set-up']> =>
  measured(() => {
    seen = order.watch ? new Set() : undefined
    return each(order, {
      begin: peer => host.feed({ on: 'up', peer }),
      done: event => (event.event === 'child-up' ? event.peer : undefined),
    }).finally(() => {
      seen = undefined
    })
  })

const rekey = (order: Extract<Order, { do: 'rekey' }>): Promise<Answers['set-up']> =>
  measured(() =>
    each(order, {
      begin: peer => host.feed({ on: 'rekey', peer, what: order.what }),
      done: event =>
        (event.event === 'ike-rekeyed' || event.event === 'child-rekeyed') && event.initiator
          ? event.peer
          : undefined,
    }),
  )

function memory(): Answers['memory'] {
  global.gc?.()
  global.gc?.()
  const { heapUsed, rss, external, arrayBuffers } = process.memoryUsage()
  return { heap: heapUsed, rss, external, arrayBuffers }
}

async function clear(): Promise<void> {
  for (const [name, tunnel] of tunnels) {
    host.feed({ on: 'peer-removed', peer: name })
    tunnels.delete(name)
    await tunnel.close()
  }
}

const work: { readonly [D in Order['do']]: (order: Extract<Order, { do: D }>) => unknown } = {
  configure,
  'set-up': setUp,
  rekey,
  memory,
  clear,
  cpu: () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1000
  },
  problems: () => problems.splice(0),
  stop: async () => {
    host.stop()
    await io.stop()
  },
}

process.on('message', (order: Order) => {
  void (async () => {
    try {
      process.send?.({ answer: await (work[order.do] as (order: Order) => unknown)(order) })
    } catch (error) {
      process.send?.({ fault: (error as Error).stack ?? String(error) })
    }
    if (order.do === 'stop') process.disconnect()
  })()
})
process.send?.({ answer: 'ready' })
