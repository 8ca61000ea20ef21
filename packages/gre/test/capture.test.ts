import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isDrop, Packet } from '@brunel/base'
import { Gre, Ipv4 } from '@brunel/wire'
import t from 'tap'
import { GreTunnel } from '../src/index.js'

/** Packets of a little-endian pcap file of microseconds. */
function* packetsOf(file: Uint8Array): Generator<Uint8Array> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  for (let at = 24; at + 16 <= file.length; ) {
    const length = view.getUint32(at + 8, true)
    yield file.subarray(at + 16, at + 16 + length)
    at += 16 + length
  }
}

/** Walks up to `<repository root>/../shared`. */
function shared(path: string): string | undefined {
  for (let dir = import.meta.dirname; dir !== dirname(dir); dir = dirname(dir)) {
    const candidate = join(dir, '..', 'shared', path)
    if (existsSync(join(dir, 'pnpm-workspace.yaml'))) return existsSync(candidate) ? candidate : undefined
  }
  return undefined
}

/** Ethernet with an 802.1Q tag. */
const ETHERNET = 18
const file = shared('vectors/pcap/various_gre.pcap')
const skip = file === undefined && 'no ../shared/vectors/pcap/various_gre.pcap here'

t.test(
  'RFC 2890 §2: GRE packets captured from other routers are opened, their protocol types dropped by name',
  { skip },
  async t => {
    const seen = new Map<string, number>()
    for (const frame of packetsOf(readFileSync(file!))) {
      const p = new Packet(frame.slice())
      const ip = Ipv4.open(p, ETHERNET)
      if (isDrop(ip) || Ipv4.protocol(p, ip) !== 47) continue
      p.point(Ipv4.payloadAt(p, ip), Ipv4.endAt(p, ip), 0, frame.length)
      const gre = Gre.open(p, p.start)
      const key = isDrop(gre) || !Gre.hasKey(p, gre) ? undefined : Gre.key(p, gre)
      const outcome = new GreTunnel({ key, checksum: false, sequence: false }).decapsulate(p) ?? 'ok'
      const kind = isDrop(gre) ? gre : `key ${key} type ${Gre.protocolType(p, gre).toString(16)}: ${outcome}`
      seen.set(kind, (seen.get(kind) ?? 0) + 1)
    }
    // Cisco metadata, keepalives and CDP, as tshark counts them.
    t.same(Object.fromEntries(seen), {
      'key 40 type 8909: gre-protocol-type': 20,
      'key 40 type 0: gre-protocol-type': 8,
      'key 40 type 2000: gre-protocol-type': 2,
    })
  },
)
