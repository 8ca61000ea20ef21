import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Frames of a little-endian pcapng file: Enhanced Packet Blocks (type 6), times in microseconds. */
export function* framesOf(file: Uint8Array): Generator<{ readonly ms: number; readonly frame: Uint8Array }> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  for (let at = 0; at + 12 <= file.length; at += view.getUint32(at + 4, true)) {
    if (view.getUint32(at, true) !== 6) continue
    const micros = view.getUint32(at + 12, true) * 2 ** 32 + view.getUint32(at + 16, true)
    const length = view.getUint32(at + 20, true)
    yield { ms: micros / 1000, frame: file.subarray(at + 28, at + 28 + length) }
  }
}

/** Walks up to `<repository root>/../shared`. */
export function shared(path: string): string | undefined {
  for (let dir = import.meta.dirname; dir !== dirname(dir); dir = dirname(dir)) {
    const candidate = join(dir, '..', 'shared', path)
    if (existsSync(join(dir, 'pnpm-workspace.yaml'))) return existsSync(candidate) ? candidate : undefined
  }
  return undefined
}
