import { type Endpoint, type Millis, sameEndpoint } from '@brunel/base'
import { SA_COUNTER, type SaSpec } from '@brunel/datapath'
import type { Child, ChildKeys, TrafficSelector } from '@brunel/ikev2'
import type { PacketIo, PathSpec, SealerSa } from '@brunel/packet-io'

/** A child SA in the data path: its keys in the sealer's table, both directions. */
export interface InstalledChild {
  readonly child: Child
  readonly inbound: number
  readonly outbound: number
  readonly installedAt: number
  /** Where it sends; the peer may have moved since it was negotiated. */
  ends: Pick<Child, 'local' | 'remote'>
}

export interface SaSettings {
  readonly replayWindow: number
  /** Octets after which the SA is dead; a rekey is asked for some way before. */
  readonly hardBytes: number
  /** Share of the hard limit at which a rekey begins; jittered by the caller. */
  readonly softShare: number
}

const wipe = (keys: ChildKeys): void => {
  keys.encryption.fill(0)
  keys.integrity.fill(0)
}

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
  readonly #leaving = new Map<number, { readonly timer: NodeJS.Timeout; readonly inbound: number }>()
  /** Of SAs that are gone: what is counted never goes back. */
  #pastMisses = 0
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

  #missesOf(inbound: number): number {
    const { counters } = this.#io
    return counters.cells[counters.sa('inbound', inbound) + SA_COUNTER.replayMisses] ?? 0
  }

  install(child: Child, outbound: boolean, now: number): InstalledChild {
    const sa = (keys: ChildKeys): number => {
      const index = this.#io.addSa(sealerSa(child, keys))
      wipe(keys)
      return index
    }
    const installed = {
      child,
      inbound: sa(child.keysIn),
      outbound: sa(child.keysOut),
      installedAt: now,
      ends: child,
    }
    this.#children.set(child.spiIn, installed)
    this.#io.command({ do: 'inbound-add', sa: this.#spec(installed, installed.inbound, child.spiIn) })
    if (outbound) this.use(child.spiIn)
    return installed
  }

  use(spiIn: number): void {
    const installed = this.#children.get(spiIn)
    if (installed === undefined || this.#using === spiIn) return
    this.#using = spiIn
    const { child, ends } = installed
    this.#leaveBy({ encapsulation: child.encapsulation, local: ends.local, remote: ends.remote })
    this.#io.command({ do: 'outbound-use', sa: this.#spec(installed, installed.outbound, child.spiOut) })
  }

  /** Sends no more on it at once; receives for `grace` longer. */
  remove(spiIn: number, grace: Millis): void {
    const installed = this.#children.get(spiIn)
    if (installed === undefined) return
    if (this.#using === spiIn) this.#using = undefined
    this.#io.command({ do: 'sa-remove', direction: 'outbound', sa: installed.outbound })
    this.#children.delete(spiIn)
    const end = (): void => {
      this.#leaving.delete(spiIn)
      this.#pastMisses += this.#missesOf(installed.inbound)
      this.#io.command({ do: 'sa-remove', direction: 'inbound', sa: installed.inbound })
    }
    if (grace <= 0) end()
    else this.#leaving.set(spiIn, { timer: setTimeout(end, grace).unref(), inbound: installed.inbound })
  }

  /** The peer is elsewhere now: NAT rebinding or an address change. */
  moved(local: Endpoint, remote: Endpoint): void {
    if (this.#path === undefined) return
    const { spec } = this.#path
    const port = (e: Endpoint): Endpoint => (spec.encapsulation === 'none' ? { ...e, port: 0 } : e)
    const ends = { local: port(local), remote: port(remote) }
    this.#leaveBy({ encapsulation: spec.encapsulation, ...ends })
    for (const one of this.#children.values()) {
      if (one.child.encapsulation !== spec.encapsulation) continue
      if (sameEndpoint(one.ends.remote, spec.remote)) one.ends = ends
      this.#io.command({ do: 'sa-moved', sa: one.inbound, remote: ends.remote })
    }
  }

  close(): void {
    for (const { timer } of this.#leaving.values()) clearTimeout(timer)
    this.#leaving.clear()
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

  #spec({ child, ends }: InstalledChild, sa: number, spi: number): SaSpec {
    const { hardBytes, softShare, replayWindow } = this.settings
    const path = this.#leaveBy(
      this.#path?.spec ?? { encapsulation: child.encapsulation, local: ends.local, remote: ends.remote },
    )
    return {
      sa,
      spi,
      tun: this.tun,
      mode: child.mode,
      ivLength: child.encryption.ivLength,
      blockLength: child.encryption.blockLength,
      icvLength: child.integrity?.icvLength ?? child.encryption.icvLength,
      counterIv: child.integrity === undefined,
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
      remote: ends.remote,
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
  }
}
