import { Checksum, Udp } from '@brunel/wire'

/**
 * Between guests of one machine a UDP datagram arrives with a checksum that no hardware has finished: the field holds the
 * sum of the pseudo-header alone, and a raw socket hands it over like that. The next host would refuse it. `at`: where the
 * datagram begins, in a packet of which all octets behind it belong to it; `ends`: the sum of both addresses.
 */
export function finishUdp(packet: Uint8Array, at: number, ends: number): void {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length)
  if (packet.length - at < Udp.HEADER) return
  const length = view.getUint16(at + 4)
  if (length < Udp.HEADER || at + length > packet.length || !isUnfinished(view, at, ends)) return
  view.setUint16(at + 6, 0)
  const whole = Checksum.finish(Checksum.sum(view, at, at + length, ends + UDP + length))
  view.setUint16(at + 6, whole === 0 ? 0xffff : whole) // RFC 768
}

const isUnfinished = (view: DataView, at: number, ends: number): boolean =>
  view.getUint16(at + 6) === Checksum.fold(ends + UDP + view.getUint16(at + 4))

const UDP = 17
