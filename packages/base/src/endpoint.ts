/** A UDP or IP end point. `address` is canonical text (RFC 5952 for IPv6), `port` 0 where the protocol has none. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

export type Family = 4 | 6

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4)
export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  a.address === b.address && a.port === b.port
export const endpointText = (e: Endpoint): string =>
  e.address.includes(':') ? `[${e.address}]:${e.port}` : `${e.address}:${e.port}`
