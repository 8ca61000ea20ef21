import { type ChildProcess, spawn } from 'node:child_process'
import type { Namespace } from './namespace.js'
import { until } from './until.js'

/** One IKE message as it crosses the underlay. */
export interface SeenIke {
  readonly from: string
  readonly to: string
  readonly port: number
  readonly exchange: string
  readonly response: boolean
  readonly byInitiator: boolean
  readonly messageId: number
  readonly octets: number
  readonly fragment: boolean
}

/** RFC 7296 §3.1. */
const EXCHANGES: Readonly<Record<number, string>> = {
  34: 'IKE_SA_INIT',
  35: 'IKE_AUTH',
  36: 'CREATE_CHILD_SA',
  37: 'INFORMATIONAL',
  43: 'IKE_INTERMEDIATE',
  44: 'IKE_FOLLOWUP_KE',
}
const ENCRYPTED_FRAGMENT = 53
const ETHERNET = 14
const IPV4 = 0x0800
const IPV6 = 0x86dd

/** Pure: an Ethernet frame, if it carries IKE. */
export function readIke(frame: Buffer): SeenIke | undefined {
  if (frame.length < ETHERNET + 40) return undefined
  const type = frame.readUInt16BE(12)
  const udp = type === IPV4 ? ETHERNET + (frame.readUInt8(ETHERNET) & 15) * 4 : ETHERNET + 40
  const protocol =
    type === IPV4 ? frame.readUInt8(ETHERNET + 9) : type === IPV6 ? frame.readUInt8(ETHERNET + 6) : 0
  if (protocol !== 17 || frame.length < udp + 8 + 28) return undefined
  const ports = [frame.readUInt16BE(udp), frame.readUInt16BE(udp + 2)]
  const marked = ports.includes(4500)
  if (!marked && !ports.includes(500)) return undefined
  const at = udp + 8 + (marked ? 4 : 0)
  if (marked && frame.readUInt32BE(udp + 8) !== 0) return undefined
  const flags = frame.readUInt8(at + 19)
  return {
    from: address(frame, type, 0),
    to: address(frame, type, 1),
    port: marked ? 4500 : 500,
    exchange: EXCHANGES[frame.readUInt8(at + 18)] ?? `exchange ${frame.readUInt8(at + 18)}`,
    response: (flags & 0x20) !== 0,
    byInitiator: (flags & 0x08) !== 0,
    messageId: frame.readUInt32BE(at + 20),
    octets: frame.readUInt16BE(udp + 4) - 8,
    fragment: frame.readUInt8(at + 16) === ENCRYPTED_FRAGMENT,
  }
}

function address(frame: Buffer, type: number, which: 0 | 1): string {
  if (type === IPV4) return frame.subarray(ETHERNET + 12 + which * 4, ETHERNET + 16 + which * 4).join('.')
  const bytes = frame.subarray(ETHERNET + 8 + which * 16, ETHERNET + 24 + which * 16)
  const words = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  return words.join(':').replace(/(:0)+:/, '::')
}

/** Pure: cuts a pcap stream into frames; keeps what is not whole yet. */
export class PcapFrames {
  #rest: Buffer = Buffer.alloc(0)
  #begun = false

  push(chunk: Buffer): readonly Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk])
    const frames: Buffer[] = []
    if (!this.#begun) {
      if (this.#rest.length < 24) return frames
      this.#rest = this.#rest.subarray(24)
      this.#begun = true
    }
    while (this.#rest.length >= 16) {
      const length = this.#rest.readUInt32LE(8)
      if (this.#rest.length < 16 + length) break
      frames.push(this.#rest.subarray(16, 16 + length))
      this.#rest = this.#rest.subarray(16 + length)
    }
    return frames
  }
}

/** Calls back for each IKE message on an interface, as it passes. */
export class IkeWatch {
  readonly #child: ChildProcess

  private constructor(child: ChildProcess) {
    this.#child = child
  }

  /** It listens when this resolves. */
  static async start(place: Namespace, device: string, seen: (message: SeenIke) => void): Promise<IkeWatch> {
    const filter = 'udp port 500 or udp port 4500'
    const [program = '', ...args] = place.command(
      ...['tcpdump', '-i', device, '-U', '-s', '256', '--immediate-mode', '-Z', 'root', '-w', '-', filter],
    )
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    const frames = new PcapFrames()
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    child.stdout.on('data', (chunk: Buffer) => {
      for (const frame of frames.push(chunk)) {
        const message = readIke(frame)
        if (message !== undefined) seen(message)
      }
    })
    await until('tcpdump listens', 30_000, () => said.includes('listening on'))
    return new IkeWatch(child)
  }

  stop(): void {
    this.#child.kill('SIGTERM')
  }
}
