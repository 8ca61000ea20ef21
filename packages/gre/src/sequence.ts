/** Upon establishment the last number is 2^32-1, so that 0 is the next: RFC 2890 §2.2. */
export const BEFORE_FIRST = 0xffffffff

/**
 * Whether `sequence` is `last` or one of the 2^31-1 values before it, modulo 2^32: out of sequence, RFC 2890 §2.2.
 * The distance back is 0 to 2^31-1 exactly where its top bit is clear.
 */
export const precedes = (sequence: number, last: number): boolean => ((last - sequence) | 0) >= 0
