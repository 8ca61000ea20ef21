import { Type } from 'typebox'

/** What many reports are made of. */

export type Deep<T> = T extends object ? { readonly [K in keyof T]: Deep<T[K]> } : T

export const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()])
export const At = Type.String({ description: 'ISO 8601, UTC.', examples: ['2026-01-01T00:00:00.000Z'] })
export const MaybeAt = nullable(At)
export const MaybeText = nullable(Type.String())
