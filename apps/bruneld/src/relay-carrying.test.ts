import { type Instant, instant } from '@brunel/base'
import t from 'tap'
import { Carrying } from './relay-carrying.js'

const at = (ms: number): Instant => instant(ms)
const sound = (lastIn: number) => ({ stands: true, crossed: true, lastIn: at(lastIn) })

t.test('it carries once data has crossed both ways, and until the SAs are gone', async t => {
  const carrying = new Carrying()
  t.notOk(carrying.look(at(0), { stands: true, crossed: false, lastIn: undefined }))
  t.ok(carrying.look(at(500), sound(400)))
  t.ok(carrying.look(at(90_000), sound(400)), 'an idle tunnel whose peer has no relay')
  t.notOk(carrying.look(at(90_500), { stands: false, crossed: true, lastIn: at(400) }))
  t.notOk(carrying.look(at(91_000), { stands: true, crossed: false, lastIn: at(400) }), 'other SAs')
})

t.test('a new IKE SA that nothing has crossed yet, in place of another, is no doubt', async t => {
  const carrying = new Carrying()
  carrying.look(at(0), sound(0))
  t.ok(carrying.look(at(500), { stands: true, crossed: false, lastIn: at(0) }))
})

t.test('where a relay was heard, five seconds of silence are an end; then it is tried again', async t => {
  const carrying = new Carrying()
  carrying.look(at(0), sound(0))
  carrying.heardBeacon(at(100))
  t.ok(carrying.look(at(5000), sound(100)))
  t.notOk(carrying.look(at(5500), sound(100)))
  t.notOk(carrying.look(at(15_000), sound(100)), 'it rests')
  t.ok(carrying.look(at(16_000), sound(100)), 'as if no relay were there')
  t.ok(carrying.look(at(60_000), sound(100)), 'and does not come and go')
})

t.test('a beacon ends the rest at once', async t => {
  const carrying = new Carrying()
  carrying.look(at(0), sound(0))
  carrying.heardBeacon(at(100))
  carrying.look(at(5500), sound(100))
  carrying.heardBeacon(at(6000))
  t.ok(carrying.look(at(6500), sound(6000)))
})

t.test('beacons go where a relay is heard, and where something came a moment ago', async t => {
  const carrying = new Carrying()
  t.notOk(carrying.mayBeacon(at(0)))
  carrying.look(at(1000), sound(1000))
  t.ok(carrying.mayBeacon(at(6000)))
  t.notOk(carrying.mayBeacon(at(6001)), 'a peer of another kind that has nothing to say')
  carrying.heardBeacon(at(7000))
  t.ok(carrying.mayBeacon(at(70_000)))
})
