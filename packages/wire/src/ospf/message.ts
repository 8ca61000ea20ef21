import { type Drop, isDrop } from '@brunel/base'
import { type Body, bodyOf } from './body.js'
import { check, type Ends, type Header, headerOf } from './header.js'

/** OSPF for diagnosis: what a router's neighbours can see of it. Nothing is emitted from it. */
export interface Message extends Header {
  readonly body: Body
}

/** `bytes`: the whole IP payload, with what stands behind the OSPF packet (digest, link-local signalling). */
export function parse(bytes: Uint8Array, ends: Ends): Message | Drop {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fault = check(view, 0, bytes.length)
  if (fault !== undefined) return fault
  const header = headerOf(view, ends)
  if (isDrop(header)) return header
  const body = bodyOf(view, header.version)
  return isDrop(body) ? body : { ...header, body }
}
