import fc from 'fast-check'
import t from 'tap'
import { Packet } from './packet.js'

t.test('a packet grows to both sides inside its slot and no further', async t => {
  const p = new Packet(new Uint8Array(64).fill(0xa5))
  p.point(20, 30, 16, 34)
  t.equal(p.length, 10)
  t.equal(p.prepend(4), 16, 'the headroom is 4 octets')
  t.equal(p.prepend(1), -1, 'and not one more')
  t.equal(p.append(4), 30, 'the new octets begin where the packet ended')
  t.equal(p.append(1), -1)
  t.same([p.start, p.end], [16, 34], 'a refusal changes nothing')
})

t.test('whatever is asked, the packet stays inside its slot', async () =>
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20)), { maxLength: 30 }), steps => {
      const p = new Packet(new Uint8Array(128))
      p.point(40, 60, 32, 96)
      for (const [front, n] of steps) front ? p.prepend(n) : p.append(n)
      return p.start >= 32 && p.start <= 40 && p.end >= 60 && p.end <= 96
    }),
  ),
)
