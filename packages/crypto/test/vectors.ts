import { existsSync, readFileSync } from 'node:fs'

/** Vectors that the package carries; each file names its source. */
export const vectors = <T>(name: string): T =>
  JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8')) as T

export interface Wycheproof<T> {
  readonly testGroups: readonly {
    readonly tests: readonly (T & WycheproofCase)[]
    readonly ivSize?: number
    readonly tagSize?: number
  }[]
}
export interface WycheproofCase {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

/** Wycheproof files lie beside the repository, where they are present at all. */
const wycheproofFile = (name: string): URL =>
  new URL(`../../../../../shared/vectors/wycheproof/${name}_test.json`, import.meta.url)

/** For `t.test(..., { skip })`: a reason where the file is absent. */
export const skipWithout = (name: string): string | false =>
  existsSync(wycheproofFile(name)) ? false : `../shared/vectors/wycheproof/${name}_test.json is not there`

export const wycheproof = <T>(name: string): Wycheproof<T> =>
  JSON.parse(readFileSync(wycheproofFile(name), 'utf8')) as Wycheproof<T>

export const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'))
export const hexOf = (octets: Uint8Array): string => Buffer.from(octets).toString('hex')

/** An answer that is no drop. */
export function octets(value: Uint8Array | string): Uint8Array {
  if (typeof value === 'string') throw new Error(`dropped: ${value}`)
  return value
}
