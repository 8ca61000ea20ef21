const coloured = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined
const paint = (code: number, text: string): string => (coloured ? `\x1b[${code}m${text}\x1b[0m` : text)

export const bold = (text: string): string => paint(1, text)
export const dim = (text: string): string => paint(2, text)
export const green = (text: string): string => paint(32, text)
export const red = (text: string): string => paint(31, text)

export const print = (text = ''): boolean => process.stdout.write(`${text}\n`)

let chapters = 0
export function chapter(title: string): void {
  print(`\n${bold(`${++chapters}  ${title}`)}`)
}

/** Collects what was promised and whether it held. */
export class Promises {
  #broken = 0

  check(held: boolean, text: string): boolean {
    print(`   ${held ? green('ok  ') : red('FAIL')} ${text}`)
    if (!held) this.#broken++
    return held
  }

  get broken(): number {
    return this.#broken
  }
}

export const gigabits = (bits: number): string =>
  bits >= 1e9 ? `${(bits / 1e9).toFixed(2)} Gbit/s` : `${(bits / 1e6).toFixed(0)} Mbit/s`
