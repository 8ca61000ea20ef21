import type { Drop } from '@brunel/base'
import type { Body } from './body.js'
import { HEADER } from './header.js'
import type { LsaBody } from './lsa-body.js'
import { LSA_HEADER, type LsaHeader, lsaChecksumGood, lsaHeader } from './lsa-header.js'
import { bodyV2 } from './lsa-v2.js'
import { bodyV3 } from './lsa-v3.js'
import type { Message } from './message.js'

export interface Lsa extends LsaHeader {
  readonly body: LsaBody
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** `bytes`: exactly one LSA. RFC 2328 §13 (1): its checksum must be right. */
export function parseLsa(bytes: Uint8Array, version: 2 | 3): Lsa | Drop {
  if (bytes.length < LSA_HEADER) return 'ospf-lsa'
  const view = viewOf(bytes)
  if (view.getUint16(18) !== bytes.length || !lsaChecksumGood(bytes)) return 'ospf-lsa'
  const header = lsaHeader(view, 0, version)
  const body = version === 2 ? bodyV2(view, header) : bodyV3(view, header)
  return typeof body === 'string' ? body : { ...header, body }
}

type Read<T extends Body['type']> = Message & { readonly body: Extract<Body, { type: T }> }

/** Views of the LSAs of an update, RFC 2328 §A.3.5; `payload` is what `message` was parsed of. */
export function lsasOf(payload: Uint8Array, message: Read<'link-state-update'>): Uint8Array[] {
  const view = viewOf(payload)
  let at = HEADER[message.version] + 4
  return Array.from({ length: message.body.lsas }, () => {
    const from = at
    at += view.getUint16(at + 18)
    return payload.subarray(from, at)
  })
}

/** The LSAs that a Database Description lists, RFC 2328 §A.3.3. */
export function headersOf(payload: Uint8Array, message: Read<'database-description'>): LsaHeader[] {
  const view = viewOf(payload)
  const from = HEADER[message.version] + (message.version === 2 ? 8 : 12)
  return Array.from({ length: message.body.headers }, (_, i) =>
    lsaHeader(view, from + LSA_HEADER * i, message.version),
  )
}
