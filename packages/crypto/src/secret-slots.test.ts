import t from 'tap'
import { keyPair } from './key-agreement.js'
import { giveBack, SLOT, takeSlot } from './secret-slots.js'
import { GROUPS, type Group } from './transforms.js'

t.test('a slot is zeros when it is taken, and wiped when it comes back', async t => {
  const slot = takeSlot()
  t.same(slot, new Uint8Array(SLOT))
  slot.fill(7)
  giveBack(slot)
  t.same(slot, new Uint8Array(SLOT))
})

t.test('slots that are out at the same time do not overlap', async t => {
  const slots = Array.from({ length: 1500 }, takeSlot)
  for (const [n, slot] of slots.entries()) slot.fill(n & 0xff)
  t.ok(slots.every((slot, n) => slot.every(octet => octet === (n & 0xff))))
  for (const slot of slots) giveBack(slot)
})

t.test(
  'RFC 7296 §2.6: a hundred thousand key exchanges do not use up the mappings of the process',
  async t => {
    const x25519 = GROUPS.find(group => group.name === 'x25519') as Group
    const pending = []
    for (let n = 0; n < 100_000; n++) {
      pending.push(keyPair(x25519))
      if (pending.length > 500) pending.shift()?.wipe()
    }
    t.equal(pending.length, 500)
    for (const pair of pending) {
      pair.wipe()
      pair.wipe()
    }
    t.not(takeSlot(), takeSlot(), 'and one that is wiped twice gives its slot back once')
  },
)
