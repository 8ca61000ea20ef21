/** A UDP or IP end point. `address` is canonical text (RFC 5952 for IPv6), `port` 0 where the protocol has none. */
export interface Endpoint {
  readonly address: string
  readonly port: number
  /** The TCP connection by which this end is reached, RFC 9329. Left out: datagrams. */
  readonly stream?: number | undefined
}

export type Family = 4 | 6

export const familyOf = (address: string): Family => (address.includes(':') ? 6 : 4)
export const sameEndpoint = (a: Endpoint, b: Endpoint): boolean =>
  a.address === b.address && a.port === b.port && a.stream === b.stream
export const endpointText = (e: Endpoint): string =>
  (e.address.includes(':') ? `[${e.address}]:${e.port}` : `${e.address}:${e.port}`) +
  (e.stream === undefined ? '' : '/tcp')
