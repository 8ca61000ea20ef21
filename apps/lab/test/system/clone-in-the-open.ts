import { mkdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ROOT } from '../../src/docs/sources.js'

const passable = (path: string): boolean => (statSync(path).mode & 0o001) !== 0

/** The outermost directory around the repository into which only root may look. */
function closed(path = dirname(ROOT)): string | undefined {
  const above = dirname(path)
  const outer = above === path ? undefined : closed(above)
  return outer ?? (passable(path) ? undefined : path)
}

const SCRIPT =
  'mount --bind "$1" "$2" && mount -t tmpfs -o mode=755 none "$3" && mkdir -p "$1" && mount --move "$2" "$1" && shift 3 && exec "$@"'

/**
 * Put in front of a command that is not root's: a clone in /root could not be read. In a mount namespace of its own the
 * clone keeps its path, and anyone may go there.
 */
export function cloneInTheOpen(folder: string): readonly string[] {
  const top = closed()
  if (top === undefined) return []
  const hold = join(folder, 'hold')
  mkdirSync(hold, { recursive: true })
  return ['unshare', '--mount', 'sh', '-c', SCRIPT, 'sh', ROOT, hold, top]
}
