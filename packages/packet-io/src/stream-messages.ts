import type { MessagePort } from 'node:worker_threads'
import type { Endpoint } from '@brunel/base'
import type { StreamRun } from '@brunel/datapath'

/** From the main thread to that of the connections. */
export type StreamCommand =
  | { readonly do: 'listen'; readonly port: number }
  | { readonly do: 'open'; readonly stream: number; readonly local: Endpoint; readonly remote: Endpoint }
  /** An IKE message, without marker. */
  | { readonly do: 'send'; readonly stream: number; readonly bytes: Uint8Array }
  | { readonly do: 'bound'; readonly stream: number }
  | { readonly do: 'close'; readonly stream: number }
  | { readonly do: 'stop' }

/** Between it and a pump. */
export interface Parcel {
  readonly stream: number
  readonly bytes: Uint8Array
}
export type FromPump = Parcel | { readonly corrupt: number }
export type ToPump = StreamRun

export interface StreamWorkerData {
  readonly instance: number
  readonly cells: SharedArrayBuffer
  readonly inbound: MessagePort
  readonly outbound: MessagePort
}
