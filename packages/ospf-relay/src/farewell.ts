import { isDrop, Packet } from '@brunel/base'
import { Ipv4, Ipv6, Ospf } from '@brunel/wire'
import { carried } from './carried.js'

/**
 * The last words of a neighbour behind a tunnel that is gone (`failFast`): its last Hello with no neighbour in it, which
 * takes every adjacency with it back to Init (RFC 2328 §10.5, 1-WayReceived) as a router that is shut down does itself.
 * It is the one packet that no router sent. Undefined where the Hello is authenticated: then nobody but its sender can.
 */
export function farewell(hello: Uint8Array): Uint8Array | undefined {
  const p = new Packet(hello)
  const packet = carried(p)
  if (isDrop(packet)) return undefined
  const { family, payloadAt } = packet
  // Behind extension headers an authentication header (RFC 4302) may cover the payload.
  if (family === 6 && payloadAt !== Ipv6.HEADER) return undefined
  const payload = Ospf.withoutNeighbours(hello.subarray(payloadAt, packet.endAt), packet)
  if (payload === undefined) return undefined
  const copy = new Packet(new Uint8Array(payloadAt + payload.length))
  copy.bytes.set(hello.subarray(0, payloadAt))
  copy.bytes.set(payload, payloadAt)
  copy.view.setUint16(family === 4 ? 2 : 4, family === 4 ? copy.length : payload.length)
  if (family === 4) {
    const ip = Ipv4.open(copy, 0)
    if (!isDrop(ip)) Ipv4.setChecksum(copy, ip)
  }
  return copy.bytes
}
