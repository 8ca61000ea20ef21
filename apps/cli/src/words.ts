/** How numbers and tables look on a terminal. */

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
  ['s', 1],
]

/** `2h 5m`: the two largest units. */
export function span(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds))
  const parts: string[] = []
  for (const [unit, length] of UNITS) {
    const count = Math.floor(rest / length)
    rest -= count * length
    if (count > 0 && parts.length < 2) parts.push(`${count}${unit}`)
    else if (parts.length > 0) break
  }
  return parts.join(' ') || '0s'
}

/** `5m ago` or `in 5m`; nothing for never. */
export function moment(at: string | null | undefined, now: Date): string {
  if (!at) return '-'
  const seconds = (Date.parse(at) - now.getTime()) / 1000
  return seconds > 0 ? `in ${span(seconds)}` : `${span(-seconds)} ago`
}

export function octets(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(units.length - 1, count < 1 ? 0 : Math.floor(Math.log2(count) / 10))
  const value = count / 1024 ** power
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[power]}`
}

/** Columns as wide as their widest cell; the last is not padded. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
  return all.map(row => line(row).trimEnd()).join('\n')
}
