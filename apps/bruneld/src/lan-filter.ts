import { endianness } from 'node:os'

/** Classic BPF: linux/filter.h, linux/bpf_common.h. Eight octets an instruction: code, two jumps, operand. */
const LOAD_WORD = 0x20 // BPF_LD | BPF_W | BPF_ABS
const JUMP_EQUAL = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
const RETURN = 0x06 // BPF_RET | BPF_K
/** Offsets count from the IP header, wherever the data of the socket begins. */
const NETWORK = 0xfff00000 // SKF_NET_OFF
const WHOLE = 0x40000
const LITTLE = endianness() === 'LE'

/** Packets whose source is one of `sources`, or all others. Addresses of one family; no more than 25 of them. Pure. */
export function sourceFilter(sources: readonly Uint8Array[], among: boolean): Uint8Array {
  const lines: (readonly [code: number, then: number, otherwise: number, operand: number])[] = []
  for (const source of sources) {
    const view = new DataView(source.buffer, source.byteOffset, source.length)
    const at = NETWORK + (source.length === 4 ? 12 : 8)
    const words = source.length / 4
    for (let word = 0; word < words; word++) {
      lines.push([LOAD_WORD, 0, 0, at + 4 * word])
      lines.push([JUMP_EQUAL, 0, 2 * (words - word - 1) + 1, view.getUint32(4 * word)])
    }
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
