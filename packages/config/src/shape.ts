import type { Problem } from '@brunel/base'
import type { TSchema } from 'typebox'
import { Settings } from 'typebox/system'
import { Value } from 'typebox/value'
import { PeerDocument } from './document.js'

// The library's limit of 8 would hide faults: all are reported at once. The API bounds the size of a document.
Settings.Set({ maxErrors: 1000 })

type Fault = ReturnType<typeof Value.Errors>[number]
interface Described {
  readonly [key: string]: unknown
  readonly type?: string
  readonly const?: unknown
  readonly anyOf?: readonly Described[]
}

const fault = (pointer: string, detail: string, remedy: string): Problem => ({
  pointer,
  code: 'BRUNEL_CONFIG_SHAPE',
  detail,
  remedy,
})

/** What the schema wants, in words. */
function wanted(schema: Described): string {
  if (schema.anyOf)
    return schema.anyOf
      .map(wanted)
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1')
  if (schema.const !== undefined) return `"${String(schema.const)}"`
  if (schema.type === 'integer') return 'a whole number'
  if (schema.type === 'boolean') return 'true or false'
  return schema.type === 'array' ? 'a list' : schema.type === 'object' ? 'an object' : `a ${schema.type}`
}

function schemaAt(root: unknown, path: string): Described {
  const steps = path.replace(/^#\/?/, '').split('/').filter(Boolean)
  return steps.reduce((at, step) => (at as Record<string, unknown>)[step], root) as Described
}

const escaped = (member: string): string => member.replaceAll('~', '~0').replaceAll('/', '~1')

function problemsOf(schema: unknown, error: Fault): Problem[] {
  const { keyword, instancePath, params } = error
  if (keyword === 'required') {
    return (params as { requiredProperties: string[] }).requiredProperties.map(name =>
      fault(`${instancePath}/${escaped(name)}`, `\`${name}\` is missing.`, `Add \`${name}\`.`),
    )
  }
  if (keyword === 'additionalProperties') {
    const known = Object.keys(schemaAt(schema, error.schemaPath)['properties'] as object).join(', ')
    return (params as { additionalProperties: string[] }).additionalProperties.map(name =>
      fault(`${instancePath}/${escaped(name)}`, `\`${name}\` is not known here.`, `Known here: ${known}.`),
    )
  }
  const want = wanted(schemaAt(schema, error.schemaPath))
  return [fault(instancePath, `This must be ${want}.`, `Write ${want} here.`)]
}

/** Everything in which a value differs from the shape of a document, in words. */
export function shapeProblems(schema: TSchema, value: unknown): Problem[] {
  const errors = Value.Errors(schema, value) as readonly Fault[]
  const unions = errors
    .filter(({ keyword }) => keyword === 'anyOf')
    .map(({ schemaPath }) => `${schemaPath}/anyOf/`)
  return errors
    .filter(
      ({ message, schemaPath }) =>
        message !== 'schema is false' && !unions.some(u => schemaPath.startsWith(u)),
    )
    .flatMap(error => problemsOf(schema, error))
}

/** Names that stand in for what is missing, so that the rest can be verified; nothing is said about them. */
const STAND_IN = { name: 'stand-in', remote: { address: 'stand-in.invalid' }, auth: { method: 'psk' } }

function without(value: unknown, pointers: readonly string[], stand: unknown, path = ''): unknown {
  if (typeof value !== 'object' || value === null) return value
  // A list keeps its length, so that the pointers into it stay true.
  if (Array.isArray(value)) return value.map((member, i) => (pointers.includes(`${path}/${i}`) ? '' : member))
  const kept = Object.entries(value)
    .filter(([name]) => !pointers.includes(`${path}/${escaped(name)}`))
    .map(([name, member]) => {
      const below = (stand as Record<string, unknown> | undefined)?.[name]
      return [name, without(member, pointers, below, `${path}/${escaped(name)}`)]
    })
  return { ...(stand as object | undefined), ...Object.fromEntries(kept) }
}

/** What of a document has its shape, so that its other faults show in the same answer; undefined where too little has. */
export function soundPart(document: unknown, faults: readonly Problem[]): PeerDocument | undefined {
  const pointers = faults.map(({ pointer }) => pointer)
  const part = pointers.includes('') ? undefined : without(document, pointers, STAND_IN)
  return isPeerDocument(part) ? part : undefined
}

export const isPeerDocument = (value: unknown): value is PeerDocument => Value.Check(PeerDocument, value)
