import { Packet } from '@brunel/base'
import type { EspInboundSpec, EspOutboundSpec } from '@brunel/esp'

export const gcm = { ivLength: 8, blockLength: 1, icvLength: 16, counterIv: true }
export const cbc = { ivLength: 16, blockLength: 16, icvLength: 16, counterIv: false }
export const cbc512 = { ...cbc, icvLength: 32 }
export const implicitIv = { ivLength: 0, blockLength: 1, icvLength: 16, counterIv: false }

export const noLimits = { softBytes: 0, hardBytes: 0, softPackets: 0, hardPackets: 0 }

export const outboundSpec: EspOutboundSpec = { ...gcm, spi: 0xc0ffee01, esn: true, limits: noLimits }
export const inboundSpec: EspInboundSpec = {
  ...gcm,
  spi: 0xc0ffee01,
  esn: true,
  mode: 'tunnel',
  replayWindow: 64,
  limits: noLimits,
}

/** A packet with room around it, in memory full of 0xa5: an octet forgotten shows up. */
export function packet(bytes: Uint8Array, headroom = 64, tailroom = 64): Packet {
  const memory = new Uint8Array(headroom + bytes.length + tailroom).fill(0xa5)
  memory.set(bytes, headroom)
  const p = new Packet(memory)
  p.point(headroom, headroom + bytes.length, 0, memory.length)
  return p
}

export const octets = (p: Packet): Uint8Array => p.bytes.slice(p.start, p.end)
export const hexOf = (p: Packet): string => Buffer.from(octets(p)).toString('hex')
export const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
