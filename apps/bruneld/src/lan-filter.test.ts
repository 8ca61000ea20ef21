import { Address } from '@brunel/wire'
import t from 'tap'
import { type Ear, earsOf, type Wire } from './lan-ears.js'
import { filterOf } from './lan-filter.js'

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

function packet(source: string, destination: string): Uint8Array {
  const [from, to] = [at(source), at(destination)]
  const octets = new Uint8Array(60)
  octets.set(from, from.length === 4 ? 12 : 8)
  octets.set(to, to.length === 4 ? 16 : 24)
  return octets
}

for (const [family, known, strangers, [to, ...others]] of [
  [
    'IPv4',
    ['10.9.0.1', '10.9.0.2', '192.0.2.7'],
    ['10.9.0.3', '0.0.0.0', '10.9.0.0'],
    ['10.9.0.9', '10.9.0.8'],
  ],
  [
    'IPv6',
    ['fe80::1', 'fe80::2'],
    ['fe80::3', 'fe81::1', 'fe80:0:0:1::1', '::1'],
    ['fe80::9', 'fe80::8', 'ff02::9', 'fe80::9:0', 'fe80:0:1::9'],
  ],
] as const)
  t.test(
    `a filter takes its sources alone, or all but them, to one destination or all: ${family}`,
    async t => {
      const from = known.map(at)
      for (const only of [undefined, at(to)]) {
        const [among, rest] = [
          filterOf({ from, among: true, to: only }),
          filterOf({ from, among: false, to: only }),
        ]
        for (const source of known) {
          t.ok(letThrough(among, packet(source, to)) > 65_535, source)
          t.equal(letThrough(rest, packet(source, to)), 0)
        }
        for (const source of strangers) {
          t.equal(letThrough(among, packet(source, to)), 0, source)
          t.ok(letThrough(rest, packet(source, to)) > 65_535)
        }
        for (const source of [...known, ...strangers])
          for (const other of others) {
            const taken = [among, rest].filter(program => letThrough(program, packet(source, other)) > 0)
            t.equal(taken.length, only === undefined ? 1 : 0, other)
          }
        const nobody = filterOf({ from: [], among: false, to: only })
        t.ok(letThrough(nobody, packet(strangers[0], to)) > 65_535, 'nobody is known')
      }
    },
  )

const OSPF: Wire = { family: 6, protocol: 89, groups: ['ff02::5', 'ff02::6'], unicast: true }
const numbered = (count: number, front: string): string[] =>
  Array.from({ length: count }, (_, i) => `${front}${(i + 1).toString(16)}`)
/** A socket gets multicast of the groups that it joined, and all unicast. */
const hearing = (ears: readonly Ear[], source: string, to: string): readonly Ear[] =>
  ears.filter(
    ear =>
      (!to.startsWith('ff') || ear.groups.includes(to)) && letThrough(ear.program, packet(source, to)) > 0,
  )

t.test('RFC 7166 §4.2: each packet of IPv6 is heard by one ear, which knows whereto it goes', async t => {
  const far = ['fe80::9:1', 'fe80::1:9', 'fe80::9:2']
  for (const known of [[], ['fe80::1'], ['fe80::1', '10.9.0.1', 'fe80::2']]) {
    const ears = earsOf(OSPF, known, [...far, '10.9.0.9'])
    for (const source of ['fe80::1', 'fe80::2', 'fe80::3']) {
      for (const to of [...OSPF.groups, ...far]) {
        const heard = hearing(ears, source, to)
        t.same(
          heard.map(ear => ear.to),
          [to],
          `${source} to ${to}`,
        )
        t.equal(
          heard[0]?.of === 'strangers',
          !known.includes(source),
          'strangers share no socket with routers',
        )
      }
      t.same(hearing(ears, source, 'fe80::77'), [], 'what is for this machine or for nobody is not heard')
    }
  }
  t.notOk(earsOf({ ...OSPF, unicast: false }, ['fe80::1'], far).some(({ to }) => to?.startsWith('fe80')))
})

t.test('ears are bounded in number, and who is known for longest keeps them', async t => {
  const ears = earsOf(OSPF, numbered(1000, 'fe80::1:'), numbered(1000, 'fe80::9:'))
  t.equal(ears.length, (8 + 1) * 2 + 2 * 64)
  for (const [source, of] of [
    ['fe80::1:8', 'fe80::1:8'],
    ['fe80::1:9', 'strangers'],
  ] as const)
    t.same(
      hearing(ears, source, 'ff02::5').map(ear => ear.of),
      [of],
    )
  t.equal(hearing(ears, 'fe80::1:1', 'fe80::9:40').length, 1)
  t.equal(hearing(ears, 'fe80::1:1', 'fe80::9:41').length, 0)
})

t.test(
  'IPv4 tells the destination in its header: one ear for each router, and one for strangers',
  async t => {
    const wire: Wire = { family: 4, protocol: 89, groups: ['224.0.0.5', '224.0.0.6'], unicast: true }
    const ears = earsOf(wire, ['10.9.0.1', 'fe80::1'], ['10.9.0.9', 'fe80::9'])
    t.same(
      ears.map(({ of, to }) => [of, to]),
      [
        ['10.9.0.1', undefined],
        ['strangers', undefined],
      ],
    )
    for (const [source, of] of [
      ['10.9.0.1', '10.9.0.1'],
      ['10.9.0.2', 'strangers'],
    ] as const)
      t.same(
        ears.filter(ear => letThrough(ear.program, packet(source, '10.9.0.9')) > 0).map(ear => ear.of),
        [of],
      )
  },
)
