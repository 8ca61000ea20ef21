/** The IKE benchmark with a handful of set-ups: that it works, not how fast. */
import t from 'tap'
import { openEnds } from '../../src/bench/ike/ends.js'
import { FLOW_CASES, flow } from '../../src/bench/ike/flow.js'
import { Rounds } from '../../src/bench/ike/rounds.js'
import { SUITES, type Suite } from '../../src/bench/ike/suites.js'
import { table } from '../../src/bench/ike/table.js'
import { noLab } from './gear.js'

function suite(name: string): Suite {
  const found = SUITES.find(one => one.name === name)
  if (found === undefined) throw new Error(`no suite ${name}`)
  return found
}

t.test(
  'two processes with the host loop of bruneld set tunnels up and rekey them',
  { skip: noLab() },
  async t => {
    const ends = await openEnds()
    t.teardown(() => ends.cleanup.unwind())
    const rounds = new Rounds(ends)
    const rates = []
    for (const name of ['PSK, x25519', 'PSK, x25519 + ML-KEM-768', 'ECDSA P-256, x25519'])
      rates.push(await rounds.rate(suite(name), 0.01))
    for (const { suite: name, failed, setUps, perSecond, cpuMs, medianMs } of rates) {
      t.equal(failed, 0, name)
      t.ok(setUps >= 8 && perSecond > 1 && cpuMs.initiator > 0 && cpuMs.responder > 0 && medianMs > 0)
    }
    const plain = suite('PSK, x25519')
    const storm = await rounds.storm(plain, 60)
    t.equal(storm.failed, 0, '60 at once, more than are let in without a cookie')
    const rekeys = await rounds.rekeys(plain, 10)
    t.strictSame(
      rekeys.map(({ what }) => what),
      ['child', 'ike'],
    )
    const memory = await rounds.memory(plain, [10, 20])
    const flows = await flow(1, FLOW_CASES.slice(0, 1))
    const text = table({ rates, rekeys: [...rekeys], memory: [...memory], storm, flow: flows })
    t.match(text, /PSK, x25519 \+ ML-KEM-768/)
    t.match(text, /60 peers at once: all up/)
    t.notMatch(text, /NaN|undefined/)
    await ends.initiator.stop()
    await ends.responder.stop()
  },
)

t.test(
  'who is configured later and only answers does not keep the first one waiting',
  { skip: noLab() },
  async t => {
    const late = { name: 'late', secondInitiates: false, gap: 0 }
    const [figures] = await flow(3, [late])
    t.ok((figures?.medianMs ?? 1e9) < 600, `${figures?.medianMs} ms; a repetition comes after 800`)
  },
)
