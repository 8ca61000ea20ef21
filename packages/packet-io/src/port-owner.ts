import { readdirSync, readFileSync, readlinkSync } from 'node:fs'

/** Runs `look`, for files of /proc that vanish or are not ours to read. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined // gone, or another user's: then we simply do not know
  }
}

function inodesOf(port: number): ReadonlySet<string> {
  const inodes = new Set<string>()
  for (const table of ['/proc/net/udp', '/proc/net/udp6']) {
    for (const line of (attempt(() => readFileSync(table, 'utf8')) ?? '').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/)
      const local = columns[1]?.split(':')[1]
      if (local !== undefined && Number.parseInt(local, 16) === port && columns[9]) inodes.add(columns[9])
    }
  }
  return inodes
}

/** Which process holds a UDP port, as far as /proc shows: 'charon (pid 812)'. */
export function portOwner(port: number): string | undefined {
  const inodes = inodesOf(port)
  if (inodes.size === 0) return undefined
  for (const pid of (attempt(() => readdirSync('/proc')) ?? []).filter(name => /^\d+$/.test(name))) {
    for (const fd of attempt(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
      const inode = attempt(() => readlinkSync(`/proc/${pid}/fd/${fd}`))?.match(/^socket:\[(\d+)\]$/)?.[1]
      if (inode === undefined || !inodes.has(inode)) continue
      const name = attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim()) ?? 'a process'
      return `${name} (pid ${pid})`
    }
  }
  return undefined
}
