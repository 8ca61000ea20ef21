import { instant, isDrop, Packet } from '@brunel/base'
import { hex } from '@brunel/base/testing'
import { Ipv4 } from '@brunel/wire'
import t from 'tap'
import { ip } from '../test/packets.js'
import { Joining } from './joining.js'

const data = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 5) & 0xff)

const whole4 = (length = 3000, id = 7): Uint8Array => ip('10.9.0.1', '10.9.0.2', data(length), { id })
const whole6 = (length = 3000): Uint8Array => ip('fe80::1', 'ff02::5', data(length))

type Cut = readonly [from: number, to: number]

/** The piece of `whole` that holds these octets of its data. */
function piece4(whole: Uint8Array, [from, to]: Cut, last = to === whole.length - 20): Uint8Array {
  const p = new Packet(Uint8Array.of(...whole.subarray(0, 20), ...whole.subarray(20 + from, 20 + to)))
  p.view.setUint16(2, p.length)
  p.view.setUint16(6, (p.view.getUint16(6) & 0x4000) | (last ? 0 : 0x2000) | (from / 8))
  const at = Ipv4.open(p, 0)
  if (!isDrop(at)) Ipv4.setChecksum(p, at)
  return p.bytes
}

function piece6(whole: Uint8Array, [from, to]: Cut, last = to === whole.length - 40): Uint8Array {
  const fragment = Uint8Array.of(whole[6]!, 0, from >> 8, (from & 0xf8) | (last ? 0 : 1), 0, 0, 0, 9)
  const bytes = Uint8Array.of(...whole.subarray(0, 40), ...fragment, ...whole.subarray(40 + from, 40 + to))
  bytes[6] = 44
  new DataView(bytes.buffer).setUint16(4, bytes.length - 40)
  return bytes
}

const CUTS: readonly Cut[] = [
  [0, 1400],
  [1400, 2800],
  [2800, 3000],
]

/** What comes of each packet in turn: how many octets, a drop, or nothing yet. */
function taken(packets: readonly Uint8Array[], joining = new Joining(), now = 0): (number | string)[] {
  return packets.map(bytes => {
    const lost: string[] = []
    const got = joining.take(instant(now), bytes, drop => lost.push(drop))
    return [...lost, got === undefined ? '-' : isDrop(got) ? got : got.length].join(' ')
  })
}

for (const [name, whole, piece] of [
  ['RFC 791 §3.2: IPv4', whole4(), piece4],
  ['RFC 8200 §4.5: IPv6', whole6(), piece6],
] as const) {
  const pieces = CUTS.map(cut => piece(whole, cut))
  for (const order of [
    [0, 1, 2],
    [2, 1, 0],
    [1, 2, 0],
  ])
    t.test(`${name}: the pieces in the order ${order.join(' ')} are the whole, octet by octet`, async t => {
      const joining = new Joining()
      const got = order.map(i => joining.take(instant(0), pieces[i]!, () => t.fail('lost')))
      t.same(got.slice(0, 2), [undefined, undefined])
      t.equal(hex(got[2] as Uint8Array), hex(whole))
    })
  t.test(`${name}: a packet that is whole passes as it is`, async t => {
    t.equal(
      new Joining().take(instant(0), whole, () => undefined),
      whole,
    )
  })
  t.test(`${name}: a piece that comes twice is one`, async t => {
    t.same(taken([0, 0, 1, 1, 2].map(i => pieces[i]!)), ['-', '-', '-', '-', String(whole.length)])
  })
  for (const [what, cut, last] of [
    ['that overlaps the one before it', [1392, 2000], false],
    ['that lies in another one', [8, 800], false],
    ['that is no multiple of 8 octets', [1400, 1404], false],
    ['without data', [2800, 2800], false],
  ] as const)
    t.test(`RFC 8200 §4.5: ${name.split(' ').at(-1)}: a piece ${what} makes all of it void`, async t => {
      const wrong = piece(whole, cut, last)
      t.same(taken([pieces[0]!, pieces[1]!, wrong, pieces[2]!]), ['-', '-', 'relay-fragments-unfit', '-'])
    })
  t.test(`RFC 8200 §4.5: ${name.split(' ').at(-1)}: nothing lies behind the last piece`, async t => {
    t.same(taken([pieces[2]!, piece(whole, [2992, 3000], true)])[1], 'relay-fragments-unfit')
    t.same(taken([piece(whole, [8, 800], true), pieces[1]!])[1], 'relay-fragments-unfit')
  })
}

t.test('RFC 791 §3.1: DF of a packet that was cut on its way is DF of the packet', async t => {
  const whole = whole4()
  whole[6] = 0x40
  const p = new Packet(whole)
  const at = Ipv4.open(p, 0)
  if (!isDrop(at)) Ipv4.setChecksum(p, at)
  const joining = new Joining()
  const got = CUTS.map(cut => joining.take(instant(0), piece4(whole, cut), () => undefined))
  t.equal(hex(got[2] as Uint8Array), hex(whole))
})

t.test('RFC 791 §3.2: pieces with another identification are of another packet', async t => {
  const [one, other] = [whole4(3000, 7), whole4(3000, 8)]
  const mixed = [piece4(one, CUTS[0]!), piece4(other, CUTS[1]!), piece4(one, CUTS[2]!)]
  t.same(taken([...mixed, piece4(one, CUTS[1]!)]), ['-', '-', '-', '3020'])
})

t.test(
  'RFC 1122 §3.3.2: what is incomplete for two seconds is given up, and what comes later does not meet it',
  async t => {
    const joining = new Joining()
    const whole = whole4()
    const lost: string[] = []
    taken([piece4(whole, CUTS[0]!)], joining, 0)
    joining.expire(instant(1999), drop => lost.push(drop))
    t.same(lost, [])
    joining.expire(instant(2000), drop => lost.push(drop))
    t.same(lost, ['relay-fragments-lost'])
    t.same(taken([piece4(whole, CUTS[1]!), piece4(whole, CUTS[2]!)], joining, 2001), ['-', '-'])
  },
)

t.test(
  'memory is bounded: the 65th incomplete packet costs the oldest, and so do too many octets',
  async t => {
    const joining = new Joining()
    const firsts = Array.from({ length: 65 }, (_, id) => piece4(whole4(3000, id), CUTS[0]!))
    t.same(taken(firsts, joining).slice(63), ['-', 'relay-fragments-lost -'])
    const large = Array.from({ length: 9 }, (_, id) => piece4(whole4(60_008, id), [0, 60_000], false))
    t.same(taken(large).slice(7), ['-', 'relay-fragments-lost -'])
  },
)

t.test(
  'RFC 791 §3.1: what would be larger than a packet can be, or has too many pieces, is void',
  async t => {
    const whole = whole4(60_000)
    t.same(taken([piece4(Uint8Array.of(...whole, ...whole), [65_528, 65_536], false)]), [
      'relay-fragments-unfit',
    ])
    const crumbs = Array.from({ length: 129 }, (_, i) => piece4(whole, [i * 8, i * 8 + 8], false))
    t.equal(taken(crumbs).at(-1), 'relay-fragments-unfit')
  },
)

t.test(
  'a piece with a wrong checksum is dropped, and what is too short for one is left to others',
  async t => {
    const wrong = piece4(whole4(), CUTS[0]!)
    wrong[10] = wrong[10]! ^ 1
    t.same(taken([wrong, whole6().subarray(0, 30), new Uint8Array()]), ['ip-checksum', '30', '0'])
  },
)

t.test('RFC 8200 §4.5: a packet whose fragment header says that it is whole keeps it', async t => {
  const whole = piece6(whole6(), [0, 3000])
  t.equal(
    new Joining().take(instant(0), whole, () => undefined),
    whole,
  )
})
