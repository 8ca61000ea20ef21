import { Capture, packetsIn } from './capture.js'
import type { Namespace } from './namespace.js'

/** A multicast packet of OSPF on a LAN. */
export interface OspfHeard {
  readonly version: 2 | 3
  readonly source: string
  readonly isHello: boolean
  /** In hex: the identification of IPv4 and all from the OSPF header on. With MD5 no two packets of version 2 are alike. */
  readonly mark: string
}

const OSPF = 89
/** 224.0.0.5 and 224.0.0.6. */
const GROUPS: readonly string[] = ['e0000005', 'e0000006']
const HELLO = 1

/** Pure: the OSPF packet to AllSPFRouters or AllDRouters that this is, if it is one. */
export function heardIn(packet: Buffer): OspfHeard | undefined {
  if (packet.length < 40) return undefined
  return packet[0]! >>> 4 === 6 ? heardV6(packet) : heardV4(packet)
}

function heardV4(packet: Buffer): OspfHeard | undefined {
  const at = (packet[0]! & 15) * 4
  const isOurs = packet[9] === OSPF && GROUPS.includes(packet.toString('hex', 16, 20))
  if (!isOurs) return undefined
  const mark = packet.toString('hex', 4, 6) + packet.toString('hex', at, packet.readUInt16BE(2))
  return { version: 2, source: packet.toString('hex', 12, 16), isHello: packet[at + 1] === HELLO, mark }
}

function heardV6(packet: Buffer): OspfHeard | undefined {
  if (packet[6] !== OSPF || packet[24] !== 0xff) return undefined
  const mark = packet.toString('hex', 40, 40 + packet.readUInt16BE(4))
  return { version: 3, source: packet.toString('hex', 8, 24), isHello: packet[41] === HELLO, mark }
}

/** Ears at the plug of a router: what it says and what reaches it. */
export class OspfWatch {
  readonly #capture: Capture

  private constructor(capture: Capture) {
    this.#capture = capture
  }

  static async start(room: Namespace, plug: string, file: string): Promise<OspfWatch> {
    return new OspfWatch(await Capture.start(room, plug, file, 0, 'ip proto 89 or ip6 proto 89'))
  }

  all(): readonly OspfHeard[] {
    return packetsIn(this.#capture.file).flatMap(packet => heardIn(packet) ?? [])
  }

  hellos(version: 2 | 3, source: string): readonly OspfHeard[] {
    return this.all().filter(one => one.isHello && one.version === version && one.source === source)
  }

  async stop(): Promise<void> {
    await this.#capture.stop()
  }
}
