import { createRequire } from 'node:module'

type Library = typeof import('@peculiar/x509')

let library: Library | undefined

/** Loaded by the first certificate: it takes a third of a second, which a router without certificates need not spend. */
export function x509(): Library {
  if (library !== undefined) return library
  const load = createRequire(import.meta.url)
  load('reflect-metadata')
  library = load('@peculiar/x509') as Library
  return library
}
