import * as Checksum from '../checksum.js'
import { HELLO } from './body.js'
import { type Ends, HEADER, sumV2, sumV3, type Version } from './header.js'
import { parse } from './message.js'

/**
 * The same Hello with an empty list of neighbours: whoever hears it knows that its sender hears nobody (1-WayReceived,
 * RFC 2328 §10.5). Undefined for anything but a whole Hello without authentication: no other can be made.
 */
export function withoutNeighbours(bytes: Uint8Array, ends: Ends): Uint8Array | undefined {
  const message = parse(bytes, ends)
  if (typeof message === 'string' || message.body.type !== 'hello' || message.authentication.type !== 'null')
    return undefined
  const length = HEADER[message.version] + HELLO
  const whole = new DataView(bytes.buffer, bytes.byteOffset).getUint16(2)
  const copy = new Uint8Array(bytes.length - (whole - length))
  copy.set(bytes.subarray(0, length))
  copy.set(bytes.subarray(whole), length)
  seal(copy, ends, message.version)
  return copy
}

function seal(bytes: Uint8Array, ends: Ends, version: Version): void {
  const view = new DataView(bytes.buffer)
  view.setUint16(2, HEADER[version] + HELLO)
  view.setUint16(12, 0)
  view.setUint16(12, Checksum.finish(version === 2 ? sumV2(view) : sumV3(view, ends)))
}
