import { type Endpoint, type Millis, sameEndpoint } from '@brunel/base'
import { wipe } from '@brunel/crypto'
import { clearSaCounters, type Direction, SA_COUNTER, type SaSpec } from '@brunel/datapath'
import type { Child, ChildKeys, TrafficSelector } from '@brunel/ikev2'
import type { PacketIo, PathSpec, SealerSa } from '@brunel/packet-io'

/** A child SA in the data path: its keys in the sealer's table, both directions. */
export interface InstalledChild {
  readonly child: Child
  readonly inbound: number
  readonly outbound: number
  readonly installedAt: number
}

export interface SaSettings {
  readonly replayWindow: number
  /** Octets after which the SA is dead; a rekey is asked for some way before. */
  readonly hardBytes: number
  /** Share of the hard limit at which a rekey begins; jittered by the caller. */
  readonly softShare: number
}

/** RFC 7296 §2.12. */
export const wipeKeys = (keys: ChildKeys): void => {
  wipe(keys.encryption)
  wipe(keys.integrity)
}

/** What SAs that are gone have carried. Nothing of it changes any more, so that both ends can be compared. */
export interface EndedSas {
  sas: number
  /** Inbound: authentic and fresh. Outbound: given a sequence number. */
  packets: number
  /** Inbound: sequence numbers below the highest that came which never came. */
  missing: number
}

const none = (): EndedSas => ({ sas: 0, packets: 0, missing: 0 })

/**
 * The SAs of one tunnel: what IKE's effects mean to the data path. Keys go into the sealer's table and are wiped here;
 * the pumps are told by index.
 */
export class TunnelSas {
  readonly tun: number
  readonly #io: PacketIo
  /** For the children to come. */
  settings: SaSettings
  readonly #children = new Map<number, InstalledChild>()
  readonly #leaving = new Map<
    number,
    { readonly timer: NodeJS.Timeout; readonly inbound: number; readonly end: () => void }
  >()
  /** Of SAs that are gone: what is counted never goes back. */
  #pastMisses = 0
  readonly ended: Readonly<Record<Direction, EndedSas>> = { inbound: none(), outbound: none() }
  /** Indices of SAs that the pumps were told to let go. */
  readonly #parting: Readonly<Record<Direction, Set<number>>> = { inbound: new Set(), outbound: new Set() }
  #path: { readonly index: number; spec: PathSpec } | undefined
  #using: number | undefined

  constructor(tun: number, settings: SaSettings, io: PacketIo) {
    this.tun = tun
    this.settings = settings
    this.#io = io
  }

  /** The child that we send on, or the newest that we can receive on. */
  get current(): InstalledChild | undefined {
    return this.#using === undefined ? [...this.#children.values()].at(-1) : this.#children.get(this.#using)
  }

  get all(): readonly InstalledChild[] {
    return [...this.#children.values()]
  }

  /** Whether packets routed into the tunnel have an SA to leave by. */
  get sending(): boolean {
    return this.#using !== undefined
  }

  /** Packets outside the replay windows of all SAs that this tunnel ever had. */
  get replayMisses(): number {
    const held = [...this.#children.values(), ...this.#leaving.values()]
    return held.reduce((sum, { inbound }) => sum + this.#missesOf(inbound), this.#pastMisses)
  }

  /** SAs that were replaced and still receive, or that the pumps have not let go. */
  get leaving(): number {
    return this.#leaving.size + this.#parting.inbound.size + this.#parting.outbound.size
  }

  /** A pump uses this SA no more. It may be another tunnel's. */
  released(direction: Direction, sa: number): void {
    if (!this.#parting[direction].delete(sa)) return
    const { counters } = this.#io
    const cell = counters.sa(direction, sa)
    const [packets, sequence] = [SA_COUNTER.packets, SA_COUNTER.sequence].map(
      field => counters.cells[cell + field] ?? 0,
    ) as [number, number]
    const ended = this.ended[direction]
    ended.sas++
    ended.packets += direction === 'inbound' ? packets : sequence
    if (direction === 'inbound') ended.missing += sequence - packets
  }

  #letGo(direction: Direction, sa: number): void {
    this.#parting[direction].add(sa)
    this.#io.command({ do: 'sa-remove', direction, sa })
  }

  #missesOf(inbound: number): number {
    const { counters } = this.#io
    return counters.cells[counters.sa('inbound', inbound) + SA_COUNTER.replayMisses] ?? 0
  }

  install(child: Child, outbound: boolean, now: number): InstalledChild {
    const installed = { child, ...this.#hand(child), installedAt: now }
    // Where another SA left its figures: this one may never send, and then no pump clears them.
    clearSaCounters(this.#io.counters, 'outbound', installed.outbound)
    this.#children.set(child.spiIn, installed)
    this.#io.command({ do: 'inbound-add', sa: this.#spec(installed, installed.inbound, child.spiIn) })
    if (outbound) this.use(child.spiIn)
    return installed
  }

  /** The sealer has the keys, or refused them: they are gone here. */
  #hand(child: Child): { readonly inbound: number; readonly outbound: number } {
    const sa = (keys: ChildKeys): number => this.#io.addSa(sealerSa(child, keys))
    try {
      return { inbound: sa(child.keysIn), outbound: sa(child.keysOut) }
    } finally {
      wipeKeys(child.keysIn)
      wipeKeys(child.keysOut)
    }
  }

  use(spiIn: number): void {
    const installed = this.#children.get(spiIn)
    if (installed === undefined || this.#using === spiIn) return
    this.#using = spiIn
    const { child } = installed
    this.#leaveBy({ encapsulation: child.encapsulation, local: child.local, remote: child.remote })
    this.#io.command({ do: 'outbound-use', sa: this.#spec(installed, installed.outbound, child.spiOut) })
  }

  /** Sends no more on it at once; receives for `grace` longer. */
  remove(spiIn: number, grace: Millis): void {
    const installed = this.#children.get(spiIn)
    if (installed === undefined) return
    if (this.#using === spiIn) this.#using = undefined
    this.#letGo('outbound', installed.outbound)
    this.#children.delete(spiIn)
    const end = (): void => {
      this.#leaving.delete(spiIn)
      this.#pastMisses += this.#missesOf(installed.inbound)
      this.#letGo('inbound', installed.inbound)
    }
    if (grace <= 0) end()
    else
      this.#leaving.set(spiIn, {
        timer: setTimeout(end, grace).unref(),
        inbound: installed.inbound,
        end,
      })
  }

  /** NAT rebinding or an address change, of the peer or of ours. */
  moved({ encapsulation, ...ends }: PathSpec): void {
    if (this.#path === undefined) return
    const before = this.#path.spec
    const port = (e: Endpoint): Endpoint => (encapsulation === 'none' ? { ...e, port: 0 } : e)
    const to = { encapsulation, local: port(ends.local), remote: port(ends.remote) }
    this.#leaveBy(to)
    for (const [spiIn, installed] of this.#children) {
      // A child of another session may go another way, and goes on there: by TCP, or by UDP again.
      if (installed.child.remote.stream !== before.remote.stream) continue
      this.#children.set(spiIn, { ...installed, child: { ...installed.child, ...to } })
      this.#io.command({ do: 'sa-moved', sa: installed.inbound, remote: to.remote })
    }
  }

  close(): void {
    for (const { timer, end } of [...this.#leaving.values()]) {
      clearTimeout(timer)
      end()
    }
    if (this.#path !== undefined) this.#io.removePath(this.#path.index)
    this.#path = undefined
  }

  #leaveBy(spec: PathSpec): number {
    if (this.#path === undefined) {
      this.#path = { index: this.#io.addPath(spec), spec }
    } else if (
      this.#path.spec.encapsulation !== spec.encapsulation ||
      !sameEndpoint(this.#path.spec.local, spec.local) ||
      !sameEndpoint(this.#path.spec.remote, spec.remote)
    ) {
      this.#path.spec = spec
      this.#io.movePath(this.#path.index, spec)
    }
    return this.#path.index
  }

  #spec({ child }: InstalledChild, sa: number, spi: number): SaSpec {
    const { hardBytes, softShare, replayWindow } = this.settings
    const path = this.#leaveBy(
      this.#path?.spec ?? { encapsulation: child.encapsulation, local: child.local, remote: child.remote },
    )
    return {
      sa,
      spi,
      tun: this.tun,
      mode: child.mode,
      ivLength: child.encryption.ivLength,
      blockLength: child.encryption.blockLength,
      icvLength: child.integrity?.icvLength ?? child.encryption.icvLength,
      counterIv: child.integrity === undefined && !child.encryption.implicitIv,
      esn: child.esn,
      replayWindow,
      selectors: child.localSelectors.flatMap(local =>
        child.remoteSelectors.map(remote => ({
          localStart: local.startAddress,
          localEnd: local.endAddress,
          remoteStart: remote.startAddress,
          remoteEnd: remote.endAddress,
          protocol: local.protocol,
        })),
      ),
      localDelivery: hostOf(child.localSelectors, child.local),
      remoteDelivery: hostOf(child.remoteSelectors, child.remote),
      path,
      remote: child.remote,
      limits: {
        softBytes: Math.floor(hardBytes * softShare),
        hardBytes,
        softPackets: Number.MAX_SAFE_INTEGER,
        hardPackets: Number.MAX_SAFE_INTEGER,
      },
    }
  }
}

/** The GRE end point of a side: the one host its selectors name, else the IKE end point. */
export function hostOf(selectors: readonly TrafficSelector[], endpoint: Endpoint): string {
  const host = selectors.find(s => s.startAddress === s.endAddress)
  return host?.startAddress ?? endpoint.address
}

export function sealerSa(child: Child, keys: ChildKeys): SealerSa {
  const { encryption, integrity } = child
  return {
    cipher:
      integrity !== undefined
        ? 'aes-cbc'
        : encryption.name.startsWith('chacha')
          ? 'chacha20-poly1305'
          : 'aes-gcm',
    encryptionKey: keys.encryption,
    integrity: integrity?.hash,
    integrityKey: keys.integrity,
    icvLength: integrity?.icvLength ?? encryption.icvLength,
    esn: child.esn,
    implicitIv: encryption.implicitIv ?? false,
  }
}
