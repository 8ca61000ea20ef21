import { Address, Checksum } from '@brunel/wire'

/**
 * Pure: the Ethernet frame that tells a LAN to whom packets for an address go by now. Whoever knew another relay's MAC
 * for it would keep that for hours.
 *
 * IPv4: an ARP announcement, RFC 5227 §3. IPv6: an unsolicited Neighbor Advertisement with the Override flag, RFC 4861
 * §7.2.6.
 */
export function announcement(address: string, mac: string): Uint8Array | undefined {
  const hardware = Uint8Array.from(mac.split(':'), octet => Number.parseInt(octet, 16))
  const host = Address.parse(address)
  if (host === undefined || hardware.length !== 6) return undefined
  return host.length === 4 ? arp(host, hardware) : advertisement(host, hardware)
}

const BROADCAST = Uint8Array.of(255, 255, 255, 255, 255, 255)
const REQUEST = Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1)

const arp = (host: Uint8Array, mac: Uint8Array): Uint8Array =>
  Uint8Array.from([...BROADCAST, ...mac, 8, 6, ...REQUEST, ...mac, ...host, 0, 0, 0, 0, 0, 0, ...host])

const ALL_NODES = Address.parse('ff02::1')!
const ALL_NODES_MAC = Uint8Array.of(0x33, 0x33, 0, 0, 0, 1)
const ICMP = 58
const HOPS = 255 // RFC 4861 §7.1.2
const ROUTER_AND_OVERRIDE = 0xa0

function advertisement(host: Uint8Array, mac: Uint8Array): Uint8Array {
  const body = [136, 0, 0, 0, ROUTER_AND_OVERRIDE, 0, 0, 0, ...host, 2, 1, ...mac]
  const header = [0x60, 0, 0, 0, 0, body.length, ICMP, HOPS, ...host, ...ALL_NODES]
  const frame = Uint8Array.from([...ALL_NODES_MAC, ...mac, 0x86, 0xdd, ...header, ...body])
  const view = new DataView(frame.buffer)
  // RFC 4443 §2.3: over the addresses, the length, the protocol and the message.
  const sum = Checksum.sum(view, 14 + 8, frame.length, body.length + ICMP)
  view.setUint16(14 + 40 + 2, Checksum.finish(sum))
  return frame
}
