import type { Ike as Wire } from '@brunel/wire'

/** The first payload of one of the two directions. */
export const findTs = (payloads: readonly Wire.Payload[], type: 'TSi' | 'TSr'): Wire.TsPayload | undefined =>
  payloads.find((p): p is Wire.TsPayload => p.type === type)

export const findId = (payloads: readonly Wire.Payload[], type: 'IDi' | 'IDr'): Wire.IdPayload | undefined =>
  payloads.find((p): p is Wire.IdPayload => p.type === type)
