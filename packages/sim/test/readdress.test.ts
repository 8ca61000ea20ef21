import { play, STILL } from '@brunel/sim'
import t from 'tap'

t.test('PRODUCT promise 3: the address of a peer changes; data flow again within 15 s', async t => {
  for (const family of [4, 6] as const) {
    for (const late of [0, 3000]) {
      const happenings = [{ at: 120_000 - late, what: 'readdress', late }] as const
      t.equal(play({ ...STILL, family, lossless: false, happenings }, false).violation, undefined)
    }
  }
})
