import type { MtuReport } from '@brunel/admin-api'
import { type Family, familyOf, type Instant } from '@brunel/base'
import type { Peer } from '@brunel/config'
import type { Child } from '@brunel/ikev2'
import {
  computeMtu,
  type MtuParameters,
  PathMtu,
  type PathMtuEffect,
  type PathMtuInput,
  tunnelMtu,
  wireMtu,
} from '@brunel/mtu'
import { type Alarm, guarded } from './alarm.js'

/** Ethernet; until a route tells more. */
const USUAL_UNDERLAY = 1500

export interface MtuState {
  /** What holds: the lower of both ends'. */
  readonly mtu: number
  /** What follows from our side alone: this the peer is told. */
  readonly own: number
  readonly mss: { readonly ipv4: number; readonly ipv6: number }
  readonly sentence: string
  readonly report: MtuReport
}

export interface MtuPorts {
  readonly now: () => Instant
  readonly alarm: Pick<Alarm, 'set' | 'clear'>
  /** What was learned of the path was forgotten with time. */
  readonly onAged: () => void
  /** The machine threw: our own mistake. */
  readonly onBug: (error: unknown) => void
}

/** Everything but the underlay's MTU that the inner MTU follows from. */
type Shape = Omit<MtuParameters, 'underlayMtu'>

/**
 * The MTU of one tunnel: the lower of what the peer tells of its side and what follows from ours, that is from the negotiated suite, mode and encapsulation, the GRE options and what the underlay
 * carries. Before anything is negotiated the first ESP proposal without NAT stands in for it.
 */
export class TunnelMtuState {
  #peer: Peer
  readonly #ports: MtuPorts
  #link = USUAL_UNDERLAY
  #shape: Shape
  #path: { readonly machine: PathMtu; readonly feed: (input: PathMtuInput) => void } | undefined
  #current: MtuState
  #changed = false
  #negotiated = false
  /** What the peer tells of its side. */
  #theirs: number | undefined

  constructor(peer: Peer, ports: MtuPorts) {
    this.#peer = peer
    this.#ports = ports
    this.#shape = expectedShape(peer)
    this.#current = this.#compute()
  }

  get current(): MtuState {
    return this.#current
  }

  /** Whether it changed since this was last asked. */
  takeChange(): boolean {
    const changed = this.#changed
    this.#changed = false
    return changed
  }

  negotiated(child: Child): void {
    this.#negotiated = true
    this.#shape = {
      ...expectedShape(this.#peer),
      outerFamily: familyOf(child.remote.address),
      deliveryFamily: familyOf(child.localSelectors[0]?.startAddress ?? child.local.address),
      encapsulation: child.encapsulation,
      mode: child.mode,
      suite: {
        ivLength: child.encryption.ivLength,
        blockLength: child.encryption.blockLength,
        icvLength: child.integrity?.icvLength ?? child.encryption.icvLength,
      },
    }
    this.#renew()
  }

  /** The negotiated SAs go another way: its IP version, and whether they are in UDP. */
  elsewhere({ encapsulation, remote }: Pick<Child, 'encapsulation' | 'remote'>): void {
    this.#shape = { ...this.#shape, encapsulation, outerFamily: familyOf(remote.address) }
    this.moved()
  }

  /** Another document: other GRE options, or an MTU set by hand. */
  become(peer: Peer): void {
    this.#peer = peer
    const { greKey, greChecksum, greSequence, ...expected } = expectedShape(peer)
    this.#shape = { ...(this.#negotiated ? this.#shape : expected), greKey, greChecksum, greSequence }
    this.#renew()
  }

  /** What the peer tells of its own side; undefined: nothing. */
  told(theirs: number | undefined): void {
    this.#theirs = theirs
    this.#renew()
  }

  /** The MTU of the link towards the peer. */
  underlay(mtu: number): void {
    this.#link = mtu
    this.#path?.feed({ on: 'link', mtu: wireMtu(mtu) })
    this.#renew()
  }

  /** The route to the peer is another: what was learned of the old path is forgotten. */
  moved(): void {
    this.#path?.feed({ on: 'path-changed' })
    this.#renew()
  }

  /** An ICMP "too big" from the underlay quoted one of our packets (RFC 4301 §8.2). */
  tooBig(mtu: number): void {
    this.#path ??= this.#watch(this.#shape.outerFamily)
    this.#path.feed({ on: 'too-big', mtu })
    this.#renew()
  }

  close(): void {
    this.#ports.alarm.clear()
  }

  #watch(family: Family) {
    const machine = new PathMtu(family, wireMtu(this.#link))
    const aged = (effect: PathMtuEffect): void => {
      if (effect.why !== 'aged') return
      this.#renew()
      this.#ports.onAged()
    }
    return { machine, feed: guarded(machine, { ...this.#ports, perform: aged }) }
  }

  #renew(): void {
    const next = this.#compute()
    if (next.mtu !== this.#current.mtu || next.mss.ipv4 !== this.#current.mss.ipv4) this.#changed = true
    this.#current = next
  }

  #compute(): MtuState {
    const underlay = this.#path?.machine.mtu ?? wireMtu(this.#link)
    const { mtu: asked, mss } = this.#peer.tunnel
    const computed = computeMtu({ ...this.#shape, underlayMtu: underlay })
    const own = asked === 'auto' ? computed.mtu : tunnelMtu(asked)
    const theirs = this.#theirs
    const mtu = Math.min(own, theirs ?? own)
    const segments = segmentSizes(mss, mtu)
    const lines = computed.steps.map(({ label, octets }) => `${String(octets).padStart(6)}  ${label}`)
    if (asked !== 'auto') lines.push(`${String(asked).padStart(6)}  set by tunnel.mtu`)
    if (mtu !== own) lines.push(`${String(mtu).padStart(6)}  told by the peer, whose side takes no more`)
    const fixed = asked === 'auto' ? 'computed' : 'set by hand'
    const origin = mtu === own ? fixed : `told by the peer (ours is ${own}, ${fixed})`
    return {
      mtu,
      own,
      mss: segments,
      sentence: `${mtu} octets, ${origin}; TCP segments up to ${segments.ipv4} (IPv4) and ${segments.ipv6} (IPv6).`,
      report: { underlay, tunnel: mtu, own, theirs: theirs ?? null, mss: segments, lines, elsewhere: [] },
    }
  }
}

function segmentSizes(asked: Peer['tunnel']['mss'], mtu: number): { ipv4: number; ipv6: number } {
  if (asked === 'off') return { ipv4: 0, ipv6: 0 }
  if (asked === 'auto') return { ipv4: Math.max(0, mtu - 40), ipv6: Math.max(0, mtu - 60) }
  return { ipv4: asked, ipv6: asked }
}

function expectedShape(peer: Peer): Shape {
  const { gre, esp, remote, local } = peer
  const proposal = esp.proposals[0]
  const encryption = proposal?.encryption[0]
  const integrity = proposal?.integrity[0]
  const family = familyOf(remote.kind === 'address' ? remote.address : (local.address ?? '0.0.0.0'))
  return {
    outerFamily: family,
    deliveryFamily: family,
    encapsulation: esp.encapsulation === 'udp' ? 'udp' : 'none',
    mode: esp.mode,
    suite: {
      ivLength: encryption?.ivLength ?? 8,
      blockLength: encryption?.blockLength ?? 1,
      icvLength: integrity?.icvLength ?? encryption?.icvLength ?? 16,
    },
    greKey: gre.key !== undefined,
    greChecksum: gre.checksum,
    greSequence: gre.sequence,
  }
}
