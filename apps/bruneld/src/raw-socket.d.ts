/** The part of raw-socket 1.8.1 that the OSPF relay uses. Options go by number: its own table lacks most. */
declare module 'raw-socket' {
  import type { EventEmitter } from 'node:events'

  export const AddressFamily: { readonly IPv4: 1; readonly IPv6: 2 }

  /** Main thread only. Collected as garbage while it is open if nobody holds it. */
  export interface Socket extends EventEmitter {
    on(event: 'message', listener: (buffer: Buffer, source: string) => void): this
    on(event: 'error', listener: (error: Error) => void): this
    setOption(level: number, option: number, value: Buffer, length: number): void
    /** Answers how many octets of the value were filled in. */
    getOption(level: number, option: number, value: Buffer, length: number): number
    send(
      buffer: Buffer,
      offset: number,
      length: number,
      address: string,
      sent: (error: Error | null, octets: number) => void,
    ): this
    pauseRecv(): this
    resumeRecv(): this
    close(): this
  }

  export function createSocket(options: {
    readonly protocol: number
    readonly addressFamily: 1 | 2
    /** One for all messages: each overwrites the one before. */
    readonly bufferSize?: number
  }): Socket
}
