import type { Branded } from './brand.js'

/** Milliseconds of a monotonic clock. Comparable only with others of the same run. */
export type Instant = Branded<number, 'instant'>

/** A duration in milliseconds. */
export type Millis = Branded<number, 'millis'>

/** Milliseconds since 1970-01-01 UTC. Given only to certificate checks, logs and the API. */
export type WallClock = Branded<number, 'wall-clock'>

export const instant = (ms: number): Instant => ms as Instant
export const millis = (ms: number): Millis => ms as Millis
export const seconds = (s: number): Millis => (s * 1000) as Millis
export const after = (start: Instant, wait: Millis): Instant => (start + wait) as Instant
export const since = (start: Instant, now: Instant): Millis => (now - start) as Millis

/** The earlier of two deadlines, where undefined means never. */
export const sooner = (a: Instant | undefined, b: Instant | undefined): Instant | undefined =>
  a === undefined ? b : b === undefined ? a : a < b ? a : b
