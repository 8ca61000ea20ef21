/** What ESP must know of a suite to lay out a packet; the keys are the sealer's. */
export interface Suite {
  readonly ivLength: number
  /** What the ciphertext is a multiple of: 1 for AEAD, 16 for AES-CBC. */
  readonly blockLength: number
  readonly icvLength: number
  /** The IV is the sequence number as 8 octets (RFC 4106 §3.1); else the sealer draws it (RFC 3602 §3). */
  readonly counterIv: boolean
}

/** RFC 4303 §2.4: the ICV stands on a multiple of 4 octets; RFC 3602 §2.4: AES-CBC fills blocks of 16. A power of two. */
export const alignmentOf = (suite: Suite): number => Math.max(4, suite.blockLength)

/** RFC 4303 §3.3.3. Of 2^64 extended numbers we use those that a number counts exactly. */
export const SEQUENCE_END = { short: 2 ** 32 - 1, extended: 2 ** 53 - 1 } as const
