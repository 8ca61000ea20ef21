/** What a newcomer sees first: each show of `npm run lab` keeps all that it promises. */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { run } from '../../src/net/command.js'
import { withoutFrr } from '../../src/peers/frr.js'
import { noLab } from './gear.js'

const LAB = fileURLToPath(new URL('../../src/main.js', import.meta.url))

for (const [show, sees] of [
  ['--certificates', /ok {3}refused, and the tunnel is down/],
  ['--pq', /mlkem768/],
  ['--mobike', /ok {3}the same IKE SA and the same ESP SAs as before/],
  ['--relay', /ok {3}the doctor names both: .*BRUNEL_OSPF_HELLO_INTERVAL/],
] as const)
  t.test(
    `npm run lab -- --once ${show}`,
    { skip: noLab() || (show === '--relay' && withoutFrr()), timeout: 600_000 },
    async t => {
      const { code, out, err } = await run([process.execPath, LAB, '--once', show], { limit: 100_000 })
      t.equal(code, 0, err)
      t.match(out, sees)
      t.notMatch(out, /FAIL/)
    },
  )
