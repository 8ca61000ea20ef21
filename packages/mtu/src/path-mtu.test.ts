import { type Instant, instant, type Millis, seconds } from '@brunel/base'
import fc from 'fast-check'
import t from 'tap'
import { PathMtu, type PathMtuInput } from './path-mtu.js'
import { wireMtu } from './units.js'

const at = (s: number): Instant => instant(s * 1000)
const told = (mtu: number, quotedLength?: number): PathMtuInput =>
  quotedLength === undefined ? { on: 'too-big', mtu } : { on: 'too-big', mtu, quotedLength }
const path = (family: 4 | 6 = 4, link = 1500): PathMtu => new PathMtu(family, wireMtu(link))

/** `mtu why` of the one effect, or 'nothing'. */
function after(
  machine: PathMtu,
  now: Instant,
  input: PathMtuInput | { on: 'tick' } = { on: 'tick' },
): string {
  const effects = machine.handle(now, input)
  return effects.map(effect => `${effect.mtu} ${effect.why}`).join() || 'nothing'
}

for (const [name, machine, report, want] of [
  ['RFC 1191 §3: a report lowers', path(), told(1400), '1400 reported'],
  ['RFC 8201 §4: a report lowers', path(6), told(1400), '1400 reported'],
  ['RFC 1191 §3: below 68 is ignored', path(), told(67), 'nothing'],
  ['RFC 4301 §8.2.1: below 576 it is 576', path(), told(68), '576 reported'],
  ['RFC 4301 §8.2.1: 576 itself', path(), told(576), '576 reported'],
  ['RFC 8201 §4: below 1280 is ignored', path(6), told(1279), 'nothing'],
  ['RFC 8201 §4: 1280 itself', path(6), told(1280), '1280 reported'],
  ['RFC 8201 §4: 0 is no plateau in IPv6', path(6), told(0), 'nothing'],
  ['RFC 1191 §3: larger than the current is ignored', path(), told(1501), 'nothing'],
  ['RFC 1191 §3: equal to the current is ignored', path(), told(1500), 'nothing'],
  ['RFC 1191 §5: 0 from an old router is the next plateau', path(), told(0), '1492 plateau'],
  ['RFC 1191 §5: 0 with the length of the quoted packet', path(), told(0, 1400), '1006 plateau'],
  ['RFC 1191 §5: a quoted length above the current is not believed', path(), told(0, 4000), '1492 plateau'],
  ['RFC 1191 §5: a quoted length below 68 is nonsense', path(), told(0, 20), 'nothing'],
  ['RFC 4301 §8.2.1: plateaus end at the floor', path(4, 1006), told(0), '576 plateau'],
  ['a link below the floor stays', path(4, 400), told(300), 'nothing'],
] as const) {
  t.test(`${name}: ${want}`, async t => {
    t.equal(after(machine, at(0), report), want)
    t.equal(machine.deadline, want === 'nothing' ? undefined : at(600))
  })
}

t.test('RFC 1191 §5, §7: an old router is answered plateau by plateau', async t => {
  const machine = path(4, 9000)
  t.same(
    [0, 1, 2, 3, 4, 5, 6].map(s => after(machine, at(s), told(0))),
    [
      '8166 plateau',
      '4352 plateau',
      '2002 plateau',
      '1492 plateau',
      '1006 plateau',
      '576 plateau',
      'nothing',
    ],
  )
})

//   0 s  too-big 1300 ─▶ 1300
// 600 s  ─▶ 1492      a probe upwards
// 720 s  ─▶ 1500      the link: nothing left to learn
t.test(
  'RFC 1191 §6.3, §7.1: what was learned fades by plateaus, first after ten minutes, then after two',
  async t => {
    const machine = path()
    t.equal(after(machine, at(0), told(1300)), '1300 reported')
    t.equal(after(machine, at(599)), 'nothing', 'an early tick does nothing')
    t.equal(after(machine, at(600)), '1492 aged')
    t.equal(after(machine, at(600)), 'nothing', 'a double tick does nothing')
    t.equal(machine.deadline, at(720))
    t.equal(after(machine, at(720)), '1500 aged')
    t.equal(machine.deadline, undefined)
    t.equal(machine.mtu, 1500)
  },
)

t.test('RFC 1191 §7.1: a raise that was wrong is taken back and waits ten minutes again', async t => {
  const machine = path()
  machine.handle(at(0), told(1300))
  machine.handle(at(600), { on: 'tick' })
  t.equal(after(machine, at(601), told(1300)), '1300 reported')
  t.equal(machine.deadline, at(1201))
})

t.test('RFC 8201 §4: no setting raises within five minutes of a decrease', async t => {
  const hasty = new PathMtu(4, wireMtu(1500), { afterDecrease: seconds(1), afterRaise: 1 as Millis })
  hasty.handle(at(0), told(1300))
  t.equal(after(hasty, at(299.999)), 'nothing')
  t.equal(after(hasty, at(300)), '1492 aged')
  t.equal(hasty.deadline, at(360))
})

t.test('another link MTU is taken; what was learned below it stays', async t => {
  const machine = path()
  t.equal(after(machine, at(0), { on: 'link', mtu: wireMtu(1492) }), '1492 link')
  t.equal(after(machine, at(0), { on: 'link', mtu: wireMtu(1492) }), 'nothing')
  machine.handle(at(1), told(1400))
  t.equal(after(machine, at(2), { on: 'link', mtu: wireMtu(9000) }), 'nothing')
  t.equal(after(machine, at(601)), '1492 aged')
  t.equal(machine.deadline, at(721), 'the link is 9000')
  t.equal(
    after(machine, at(602), { on: 'link', mtu: wireMtu(1280) }),
    '1280 link',
    'a lower link counts at once',
  )
  t.equal(machine.deadline, undefined)
})

t.test('RFC 4301 §8.2: another path forgets what was learned', async t => {
  const machine = path()
  machine.handle(at(0), told(1300))
  t.equal(after(machine, at(1), { on: 'path-changed' }), '1500 path-changed')
  t.equal(machine.deadline, undefined)
  t.equal(after(machine, at(2), { on: 'path-changed' }), 'nothing')
})

const inputs = fc.oneof(
  fc.record({
    on: fc.constant('too-big' as const),
    mtu: fc.constantFrom(0, 1, 67, 68, 575, 576, 1279, 1280, 1400, 1492, 1500, 9000),
  }),
  fc.constant({ on: 'tick' as const }),
  fc.record({ on: fc.constant('link' as const), mtu: fc.constantFrom(1280, 1492, 1500, 9000).map(wireMtu) }),
)
const histories = fc.array(fc.tuple(fc.integer({ min: 0, max: 400 }), inputs), { maxLength: 40 })
t.test(
  'RFC 1191 §3, RFC 8201 §4: whatever comes, between floor and link, up only 5 minutes after a decrease',
  async () =>
    fc.assert(
      fc.property(fc.constantFrom(4 as const, 6 as const), histories, (family, history) => {
        const machine = path(family)
        let [now, link, loweredAt] = [0, 1500, Number.NEGATIVE_INFINITY]
        return history.every(([wait, input]) => {
          now += wait
          const before = machine.mtu
          machine.handle(at(now), input)
          if (input.on === 'link') link = input.mtu
          if (machine.mtu > before && input.on !== 'link' && (input.on !== 'tick' || now - loweredAt < 300))
            return false
          if (machine.mtu < before && input.on === 'too-big') loweredAt = now
          return machine.mtu >= (family === 4 ? 576 : 1280) && machine.mtu <= link
        })
      }),
    ),
)
