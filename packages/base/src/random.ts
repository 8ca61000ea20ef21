import type { Millis } from './time.js'

/**
 * Chance, by named draws, so that a test can script one nonce without counting bytes.
 * Production draws from the system's generator; simulations from a seed.
 */
export interface Random {
  /** `length` octets for a Nonce payload, RFC 7296 §2.10. */
  nonce(length: number): Uint8Array
  /** 8 octets, never all zero, for an IKE SPI, RFC 7296 §3.1. */
  ikeSpi(): Uint8Array
  /** A number above 255 for an ESP SPI, RFC 4303 §2.1. */
  espSpi(): number
  /** `length` octets for anything that must be unpredictable: cookies, COOKIE2, CBC initialisation vectors. */
  bytes(length: number): Uint8Array
  /** A whole number of milliseconds from 0 to `max`, both possible. */
  jitter(max: Millis): Millis
}
