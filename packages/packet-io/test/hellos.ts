/** OSPF packets as far as a tunnel looks at them, each with its number and the time at which it was sent. */

/** RFC 791 §3.1: 192.168.10.2 to 224.0.0.5, TTL 1, CS6, protocol 89, 36 octets. */
const IP = Uint8Array.of(0x45, 0xc0, 0, 36, 0, 0, 0x40, 0, 1, 89, 0, 0, 192, 168, 10, 2, 224, 0, 0, 5)
const NUMBER = 20
const SENT_AT = 28

/** The clock of all processes of the machine, in milliseconds. */
const clock = (): number => Number(process.hrtime.bigint()) / 1e6

export interface Arrival {
  readonly number: number
  /** Milliseconds from one router's main thread to the other's. */
  readonly waited: number
}

export function hello(number: number): Uint8Array {
  const packet = new Uint8Array(36)
  packet.set(IP)
  const view = new DataView(packet.buffer)
  let sum = 0
  for (let at = 0; at < IP.length; at += 2) sum += view.getUint16(at)
  view.setUint16(10, ~((sum & 0xffff) + (sum >>> 16)))
  view.setUint32(NUMBER, number)
  view.setFloat64(SENT_AT, clock())
  return packet
}

export function arrivalOf(packet: Uint8Array): Arrival {
  const view = new DataView(packet.buffer, packet.byteOffset, packet.byteLength)
  return { number: view.getUint32(NUMBER), waited: clock() - view.getFloat64(SENT_AT) }
}
