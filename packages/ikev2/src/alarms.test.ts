import { type Instant, instant } from '@brunel/base'
import fc from 'fast-check'
import t from 'tap'
import { Alarms } from './alarms.js'

t.test('the earliest is first, and one that is set again moves', async t => {
  const alarms = new Alarms<string>()
  t.equal(alarms.first, undefined)
  alarms.set('a', instant(30))
  alarms.set('b', instant(10))
  alarms.set('c', instant(20))
  t.equal(alarms.first, 10)
  t.strictSame(alarms.due(instant(20)), ['b', 'c'])
  alarms.set('b', instant(40))
  t.equal(alarms.first, 20)
  alarms.set('c', undefined)
  t.equal(alarms.first, 30)
  t.strictSame(alarms.due(instant(100)), ['a', 'b'], 'those that are due stay until they are set anew')
  alarms.set('nobody', undefined)
  t.equal(alarms.first, 30)
})

/** A list that is sorted at each question. */
class Model {
  #alarms: { who: number; at: Instant; order: number }[] = []
  #order = 0
  set(who: number, at: Instant | undefined): void {
    const known = this.#alarms.find(alarm => alarm.who === who)
    if (known !== undefined && known.at === at) return
    this.#alarms = this.#alarms.filter(alarm => alarm.who !== who)
    if (at !== undefined) this.#alarms.push({ who, at, order: this.#order++ })
  }
  due(now: number): readonly number[] {
    return this.#alarms
      .filter(({ at }) => at <= now)
      .sort((a, b) => a.at - b.at || a.order - b.order)
      .map(({ who }) => who)
  }
  get first(): Instant | undefined {
    return this.#alarms.reduce<Instant | undefined>(
      (first, { at }) => (first === undefined || at < first ? at : first),
      undefined,
    )
  }
}

const step = fc.record({ who: fc.nat(20), at: fc.option(fc.nat(30), { nil: undefined }), look: fc.nat(30) })

t.test('it answers as a sorted list would, whatever is set and taken away', async t => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const [alarms, model] = [new Alarms<number>(), new Model()]
      for (const { who, at, look } of steps) {
        const when = at === undefined ? undefined : instant(at)
        alarms.set(who, when)
        model.set(who, when)
        t.equal(alarms.first, model.first)
        t.strictSame(alarms.due(instant(look)), model.due(look))
      }
    }),
  )
})
