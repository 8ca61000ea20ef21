import type { Endpoint, Instant, Millis } from '@brunel/base'
import type { Batch } from './batch.js'

/** Reads and writes all TUN interfaces of a router. */
export interface Tun {
  /**
   * Waits up to `timeout` for any TUN, then fills up to `target` rows (a super-packet may overshoot, up to all rows):
   * offset, length, tun, status 0. Super-packets come split, checksums completed. 0: the time is over or `wake` came.
   */
  read(batch: Batch, target: number, timeout: Millis): number
  /** Writes rows [0, n) of status 0 to the TUN each names, coalescing what can be. Refused rows get a drop status. */
  write(batch: Batch, n: number): void
}

/** Path MTU news from the underlay: an ICMP "too big" that quotes what we sent, RFC 4301 §8. */
export interface TooBig {
  readonly remote: Endpoint
  /** Which of our sockets sent the quoted packet. */
  readonly socket: number
  /** Next-hop MTU as told; 0 from an old router. */
  readonly mtu: number
  /** SPI that the ICMP quotes, or 0 where the quote is too short. */
  readonly spi: number
}

/** Sends and receives on the sockets towards the other routers. */
export interface Underlay {
  /** Waits up to `timeout`, then fills up to `target` rows: offset, length, path (`SOCKET`), tos, from, fromHash, status 0. */
  receive(batch: Batch, target: number, timeout: Millis): number
  /** Sends rows [0, n) of status 0 by the path each names. Refused rows get a drop status. */
  send(batch: Batch, n: number): void
  /** What the error queues of the sockets hold; called when `receive` returned with news. Bounded to 64 a call. */
  tooBig(): readonly TooBig[]
}

/** Seals and opens ESP packets in place; knows keys by index. */
export interface Sealer {
  /**
   * Rows of status 0: [offset, length) is SPI | sequence | IV | plaintext with trailer | room for the ICV.
   * The IV of an AEAD is written by the caller; that of CBC by the sealer, at random (RFC 3602 §3).
   */
  seal(batch: Batch, n: number): void
  /** Rows of status 0 and sa >= 0: verifies, then decrypts in place; status -1 where the ICV is wrong. */
  open(batch: Batch, n: number): void
}

/** The clock of the pump; one reading a batch. */
export interface Clock {
  now(): Instant
}
