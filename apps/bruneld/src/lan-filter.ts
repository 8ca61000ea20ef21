import { endianness } from 'node:os'

/** Classic BPF: linux/filter.h, linux/bpf_common.h. Eight octets an instruction: code, two jumps, operand. */
const LOAD_WORD = 0x20 // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
const RETURN = 0x06 // BPF_RET | BPF_K
/** Offsets count from the IP header, wherever the data of the socket begins. */
const NETWORK = 0xfff00000 // SKF_NET_OFF
const WHOLE = 0x40000
const LITTLE = endianness() === 'LE'

type Line = readonly [code: number, then: number, otherwise: number, operand: number]

/** What a filter lets through. */
export interface Wanted {
  /** Sources: no more than 25, or older kernels refuse it. */
  readonly from: readonly Uint8Array[]
  /** Packets from one of them, or from all others. */
  readonly among: boolean
  /** Only what goes there, if it is said; of the family of `from`. */
  readonly to?: Uint8Array | undefined
}

/** Pure. */
export function filterOf({ from, among, to }: Wanted): Uint8Array {
  const lines: Line[] = []
  if (to !== undefined) lines.push(...compare(to, to.length === 4 ? 16 : 24, [1, 0]), [RETURN, 0, 0, 0])
  for (const source of from) {
    lines.push(...compare(source, source.length === 4 ? 12 : 8, [0, 1]))
    lines.push([RETURN, 0, 0, among ? WHOLE : 0])
  }
  lines.push([RETURN, 0, 0, among ? 0 : WHOLE])
  const program = new DataView(new ArrayBuffer(8 * lines.length))
  for (const [i, [code, then, otherwise, operand]] of lines.entries()) {
    program.setUint16(8 * i, code, LITTLE)
    program.setUint8(8 * i + 2, then)
    program.setUint8(8 * i + 3, otherwise)
    program.setUint32(8 * i + 4, operand, LITTLE)
  }
  return new Uint8Array(program.buffer)
}

/** Looks for an address at an offset of the header, and skips so many lines behind these where it is, where it is not. */
function compare(address: Uint8Array, at: number, [equal, other]: readonly [number, number]): Line[] {
  const view = new DataView(address.buffer, address.byteOffset, address.length)
  const words = address.length / 4
  return Array.from({ length: words }, (_, word): Line[] => [
    [LOAD_WORD, 0, 0, NETWORK + at + 4 * word],
    [JUMP_EQUAL, word === words - 1 ? equal : 0, 2 * (words - word - 1) + other, view.getUint32(4 * word)],
  ]).flat()
}
