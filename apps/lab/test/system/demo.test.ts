/** What a newcomer sees first: each show of `npm run lab` keeps all that it promises. */
import { spawn } from 'node:child_process'
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

t.test(
  'Ctrl-C in the middle of the show is no failure of it',
  { skip: noLab() || withoutFrr(), timeout: 600_000 },
  async t => {
    const lab = spawn(process.execPath, [LAB, '--relay'], { stdio: ['ignore', 'pipe', 'inherit'] })
    let out = ''
    lab.stdout.on('data', text => {
      const began = /An OSPF router/.test(out)
      out += text
      if (!began && /An OSPF router/.test(out)) lab.kill('SIGINT')
    })
    const code = await new Promise(done => lab.once('close', done))
    t.equal(code, 130)
    t.match(out, /removing everything/)
    t.notMatch(out, /failed|broken|not removed/)
  },
)

t.test(
  'without FRR --relay says so before it begins, and how to get it',
  { skip: noLab() || withoutFrr(), timeout: 600_000 },
  async t => {
    const hidden = 'mount -t tmpfs tmpfs /usr/lib/frr; exec "$@"'
    const { code, out, err } = await run(
      [
        'unshare',
        '-m',
        '--propagation',
        'private',
        'sh',
        '-c',
        hidden,
        'sh',
        process.execPath,
        LAB,
        '--relay',
      ],
      { limit: 100_000 },
    )
    t.match({ code, out, err }, { code: 1, out: '', err: /apt-get install frr/ })
  },
)
