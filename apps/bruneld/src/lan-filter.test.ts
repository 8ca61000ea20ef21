import { Address } from '@brunel/wire'
import t from 'tap'
import { sourceFilter } from './lan-filter.js'

const at = (text: string): Uint8Array => Address.parse(text) as Uint8Array

/** What the kernel does: the packet begins with its IP header. Answers how much of it is let through. */
function letThrough(program: Uint8Array, packet: Uint8Array): number {
  const lines = new DataView(program.buffer, program.byteOffset, program.length)
  const octets = new DataView(packet.buffer, packet.byteOffset, packet.length)
  let loaded = 0
  for (let line = 0; ; line++) {
    const [code, operand] = [lines.getUint16(8 * line, true), lines.getUint32(8 * line + 4, true)]
    if (code === 0x20) loaded = octets.getUint32(operand - 0xfff00000)
    else if (code === 0x15) line += lines.getUint8(8 * line + (loaded === operand ? 2 : 3))
    else if (code === 0x06) return operand
    else throw new Error(`no such instruction: ${code}`)
  }
}

function packet(source: string): Uint8Array {
  const address = at(source)
  const octets = new Uint8Array(60)
  octets.set(address, address.length === 4 ? 12 : 8)
  return octets
}

for (const [family, known, strangers] of [
  ['IPv4', ['10.9.0.1', '10.9.0.2', '192.0.2.7'], ['10.9.0.3', '0.0.0.0', '10.9.0.0']],
  ['IPv6', ['fe80::1', 'fe80::2'], ['fe80::3', 'fe81::1', 'fe80:0:0:1::1', '::1']],
] as const)
  t.test(`a filter takes its sources alone, or all but them: ${family}`, async t => {
    const [among, others] = [true, false].map(is => sourceFilter(known.map(at), is)) as [
      Uint8Array,
      Uint8Array,
    ]
    for (const source of known) {
      t.ok(letThrough(among, packet(source)) > 65_535, source)
      t.equal(letThrough(others, packet(source)), 0)
    }
    for (const source of strangers) {
      t.equal(letThrough(among, packet(source)), 0, source)
      t.ok(letThrough(others, packet(source)) > 65_535)
    }
    t.ok(letThrough(sourceFilter([], false), packet(strangers[0])) > 65_535, 'nobody is known')
  })
