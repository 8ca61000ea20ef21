/**
 * Ours against strongSwan 5.9.8: GRE host to host in ESP tunnel mode in UDP, in every suite, in both roles. The GRE beside
 * strongSwan has every option of RFC 2890 on.
 */
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { run } from '../../src/net/command.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import { ADDRESSES, Topology } from '../../src/net/topology.js'
import { IperfServer, iperf, LongPing, ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { BRUNEL, Bruneld } from '../../src/peers/bruneld.js'
import { startGreRouter } from '../../src/peers/gre-router.js'
import { id, PSK, peerDocument } from '../../src/peers/peer-document.js'
import { StrongSwan, withoutStrongSwan } from '../../src/peers/strongswan.js'
import type { SwanConnection } from '../../src/peers/swanctl-conf.js'
import { noLab, owned, tail } from './gear.js'

const NAME = 'site-b'
const GRE_KEY = 42

/** Every IKE and ESP suite and every group, each in two roles. The group is in the child's proposal too: PFS. */
const SUITES: readonly (readonly [ike: string, esp: string])[] = [
  ['aes128gcm16-prfsha256-x25519', 'aes128gcm16-x25519'],
  ['aes256gcm16-prfsha384-ecp384', 'aes256gcm16-ecp384'],
  ['chacha20poly1305-prfsha512-ecp521', 'chacha20poly1305-ecp521'],
  ['aes128-sha256-ecp256', 'aes128-sha256-ecp256'],
  ['aes256-sha384-modp2048', 'aes256-sha384-modp2048'],
  ['aes256-sha512-modp3072', 'aes256-sha512-modp3072'],
  ['aes256-sha256-modp4096', 'aes256-sha256-modp4096'],
]

/** What strongSwan can do and we do not: weak, or of no use beside what there is. */
const REFUSED = ['aes128gcm8', 'aes128gcm12', 'aes256ccm16', 'sha1', 'x448', 'modp1024'] as const

const theirs = (ike: string, esp: string, more: Partial<SwanConnection> = {}): SwanConnection => ({
  name: 'net',
  local: { address: ADDRESSES.wan.B[4], id: id('B') },
  remote: { address: ADDRESSES.wan.A[4], id: id('A') },
  psk: PSK,
  ike,
  esp,
  mode: 'tunnel',
  ...more,
})

t.test('Brunel and strongSwan', { skip: noLab() || withoutStrongSwan(), timeout: 600_000 }, async t => {
  const lab = owned(t, await Topology.build())
  const ours = new Bruneld(lab.at.routerA, join(lab.folder, 'ours'))
  const swan = new StrongSwan(lab.at.routerB, join(lab.folder, 'swan'))
  t.teardown(async () => {
    if (!t.passing()) t.comment(`bruneld:\n${tail(ours.log())}\nstrongSwan:\n${tail(swan.log())}`)
  })
  await ours.start()
  lab.cleanup.add('bruneld', () => ours.stop())
  await swan.start([])
  await startGreRouter(lab.at.routerB, join(lab.folder, 'gre.log'), {
    local: ADDRESSES.wan.B[4],
    remote: ADDRESSES.wan.A[4],
    interface: 'gre1',
    addresses: [`${ADDRESSES.tunnel.B[4]}/30`, `${ADDRESSES.tunnel.B[6]}/64`],
    routes: [ADDRESSES.site.A[4], ADDRESSES.site.A[6]],
    mtu: 1382,
    key: GRE_KEY,
    with: ['checksum', 'sequence'],
  })

  const { hostA } = lab.at
  const target = ADDRESSES.host.B[4]
  const report = () => ours.api.tunnel(NAME)
  const children = async () => (await report()).ike.flatMap(sa => sa.children)
  const ikeSpis = async () =>
    (await report()).ike
      .map(sa => sa.spiInitiator)
      .sort()
      .join()

  async function begin(
    ike: string,
    esp: string,
    role: 'initiator' | 'responder',
    more: Partial<SwanConnection> = {},
    offered: readonly string[] = [ike],
  ): Promise<void> {
    await ours.api.send('DELETE', `/v1/peers/${NAME}`)
    await swan.without('ike')
    await swan.load([theirs(ike, esp, more)])
    const document = peerDocument({
      side: 'A',
      greKey: GRE_KEY,
      greChecksum: true,
      greSequence: true,
      ...(offered.length === 0 ? {} : { ike: offered }),
      esp: [esp],
      initiate: role === 'initiator',
    })
    await ours.api.ask('POST', '/v1/peers', document)
    if (role === 'responder') {
      const { code, out, err } = await swan.initiate('net')
      if (code !== 0) throw new Error(`strongSwan could not initiate: ${out}${err}`)
    }
    await until('ping from host to host', 30_000, async () => (await ping(hostA, target)).received === 1)
    await ours.up(NAME)
  }

  /** Runs `change` under a steady ping and wants no packet lost. */
  async function lossless(
    t: { equal(a: unknown, b: unknown, text: string): unknown },
    what: string,
    change: () => Promise<unknown>,
    interval?: number,
  ): Promise<void> {
    const log = join(lab.folder, `ping-${what.replaceAll(/\W/g, '-')}-${performance.now()}`)
    const steady = new LongPing(hostA, target, log, interval)
    try {
      await change()
      await ping(hostA, target, { count: 5, interval: 0.05 })
    } finally {
      const { sent, gaps } = await steady.stop()
      t.equal(gaps.length, 0, `${what}: no packet of ${sent} lost`)
    }
  }

  async function rekeyChild(who: 'ours' | 'theirs'): Promise<void> {
    const before = (await children()).map(child => child.spiIn)
    if (who === 'ours') await ours.api.ask('POST', `/v1/tunnels/${NAME}/rekey`)
    else await swan.control('--rekey', '--child', 'net')
    await until('a new child and only one', 30_000, async () => {
      const left = await children()
      return left.length === 1 && left[0] !== undefined && !before.includes(left[0].spiIn)
    })
  }

  for (const [ike, esp] of SUITES)
    for (const role of ['initiator', 'responder'] as const)
      await t.test(`${ike}, ESP ${esp}: ours is the ${role}`, async t => {
        await begin(ike, esp, role)
        const { received, text } = await ping(hostA, target, { count: 3, interval: 0.05 })
        t.equal(received, 3, text)
        t.equal((await ping(hostA, ADDRESSES.host.B[6], { wait: 5 })).received, 1, 'IPv6 inside')
        const [sa] = (await report()).ike
        t.equal(sa?.role, role)
        t.equal(sa?.children[0]?.encapsulation, 'udp')
        await lossless(t, 'child rekeyed by us', () => rekeyChild('ours'))
        await lossless(t, 'child rekeyed by strongSwan', () => rekeyChild('theirs'))
        if (role === 'responder') return
        const before = await ikeSpis()
        await lossless(t, 'IKE SA rekeyed by strongSwan', async () => {
          await swan.control('--rekey', '--ike', 'net')
          await until('one IKE SA, a new one', 30_000, async () => {
            const [after, { ike }] = [await ikeSpis(), await swan.sas()]
            return after !== before && !after.includes(',') && ike === 1
          })
        })
      })

  for (const role of ['initiator', 'responder'] as const)
    await t.test(
      `RFC 9370 §2.2.1: with the defaults, which begin with a hybrid, strongSwan 5.9.8 agrees on a plain suite: ours is the ${role}`,
      async t => {
        await begin('aes256gcm16-prfsha384-x25519', 'aes256gcm16', role, {}, [])
        t.equal((await report()).ike[0]?.suite, 'aes256gcm16-prfsha384-x25519')
        t.equal((await ping(hostA, target, { count: 3, interval: 0.05 })).received, 3)
      },
    )

  await t.test('RFC 7296 §3.12: it is told no MTU, and its operator what to write', async t => {
    const { mtu } = await report()
    t.equal(mtu.theirs, null)
    t.equal(mtu.elsewhere[0]?.commands[0], `ip link set dev TUNNEL mtu ${mtu.tunnel}`)
    const { out } = await run([
      'ip',
      'netns',
      'exec',
      lab.at.routerA.name,
      ...PLAIN_NODE,
      BRUNEL,
      '--socket',
      ours.socket,
      '--token-file',
      ours.tokenFile,
      'status',
      NAME,
    ])
    t.match(out, /The peer does not tell its MTU[\s\S]*ip link set dev TUNNEL mtu/)
    t.match(swan.log(), /unknown vendor ID/)
    t.notMatch(swan.log(), /45358/)
  })

  await t.test('RFC 7296 §2.8: an IKE SA rekeyed by us loses nothing', async t => {
    await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16', 'initiator')
    const { headers, text } = await ours.api.send('GET', `/v1/peers/${NAME}`)
    t.ok(text.includes(NAME))
    const before = await ikeSpis()
    await lossless(t, 'IKE SA rekeyed by us', async () => {
      await ours.api.ask('POST', `/v1/tunnels/${NAME}/rekey?what=ike`, undefined, {
        'if-match': String(headers['etag'] ?? '*'),
      })
      await until('one IKE SA, a new one', 30_000, async () => {
        const [after, { ike }] = [await ikeSpis(), await swan.sas()]
        return after !== before && !after.includes(',') && ike === 1
      })
    })
  })

  await t.test('RFC 7296 §2.8: thirty rekeys by us under load lose nothing', async t => {
    await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16-x25519', 'initiator')
    const server = await IperfServer.start(lab.at.hostB, `${lab.folder}/iperf.log`)
    // In small bursts: the socket of charon holds 200 KiB, and it reads one packet at a time.
    const flow = iperf(hostA, target, { seconds: 10, more: ['--bidir', '-b', '4M', '-l', '2K'] })
    const at = ['--socket', ours.socket, '--token-file', ours.tokenFile, '--json']
    const drill = [...PLAIN_NODE, BRUNEL, ...at, 'drill', 'rekey', NAME, '--count', '30']
    const { code, out, err } = await run(drill, { limit: 100_000 })
    t.equal(code, 0, `${out}${err}`)
    const { other, otherToHere, probes, here, lost } = JSON.parse(out)
    t.equal(other, null, 'drilled from our side only')
    t.equal(lost, 0, `${otherToHere.received} packets, ${probes.answered} probes`)
    t.ok(otherToHere.received > 300 && probes.answered > 50, 'ten packets for each rekey')
    t.ok(here.child.finished >= 15 && here.ike.finished >= 10)
    t.ok((await flow).bytes > 1e6)
    await server.stop()
  })

  for (const word of REFUSED)
    await t.test(
      `RFC 8247 §2, RFC 8221 §5: ${word} of theirs is refused in words, in both roles`,
      async t => {
        await ours.api.send('DELETE', `/v1/peers/${NAME}`)
        const isGroup = word.startsWith('modp') || word.startsWith('x4')
        const isIntegrity = word.startsWith('sha')
        const [ike, esp] = isGroup
          ? [`aes128gcm16-prfsha256-${word}`, `aes128gcm16-${word}`]
          : isIntegrity
            ? [`aes128-${word}-x25519`, `aes128-${word}`]
            : [`${word}-prfsha256-x25519`, word]
        const wish = { side: 'A', greKey: GRE_KEY, ike: [ike], esp: ['aes128gcm16'] } as const
        const answer = await ours.api.send('POST', '/v1/peers', peerDocument(wish))
        t.equal(answer.status, 422)
        t.match(answer.text, new RegExp(`${word}[^]*remedy|remedy[^]*${word}`), 'the configuration says why')
        for (const role of ['responder', 'initiator'] as const) {
          await ours.api.send('DELETE', `/v1/peers/${NAME}`)
          await swan.load([theirs(ike, esp)])
          const good = { ...wish, ike: ['aes128gcm16-prfsha256-x25519'], initiate: role === 'initiator' }
          await ours.api.ask('POST', '/v1/peers', peerDocument(good))
          if (role === 'responder') t.not((await swan.initiate('net')).code, 0)
          await until('we say why', 30_000, async () => (await report()).lastFailure !== null)
          const { lastFailure } = await report()
          t.match(lastFailure?.code, /PROPOSAL/, `as ${role}: ${lastFailure?.sentence}`)
          await swan.without('children')
        }
      },
    )

  /** Identities of the IKE SAs that stood one after the other while `run` went on. */
  async function ikeUps(run: (seen: () => number) => Promise<unknown>): Promise<number> {
    let ups = 0
    const end = ours.api.events(({ event }) => {
      if (event === 'ike-up') ups++
    })
    try {
      await run(() => ups)
    } finally {
      end()
    }
    return ups
  }

  /** Seconds between two pings: both ends change over within some milliseconds. */
  const DENSE = 0.005

  await t.test('RFC 7296 §2.8.3: reauthenticated by us, make before break: no packet lost', async t => {
    for (const role of ['initiator', 'responder'] as const) {
      await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16', role)
      for (let n = 0; n < 3; n++) {
        const before = await ikeSpis()
        const change = async () => {
          await ours.api.ask('POST', `/v1/tunnels/${NAME}/reauthenticate`)
          await until('one IKE SA, a new one', 30_000, async () => {
            const [after, { ike }] = [await ikeSpis(), await swan.sas()]
            return after !== before && !after.includes(',') && ike === 1
          })
        }
        await lossless(t, `ours was the ${role}`, change, DENSE)
      }
      t.equal((await children()).length, 1)
    }
  })

  await t.test(
    'RFC 7296 §2.8.3: reauthenticated by strongSwan, make before break: no packet lost',
    async t => {
      for (const role of ['responder', 'initiator'] as const) {
        await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16', role, {
          reauthenticate: '6s',
          connection: ['over_time = 10s', 'rand_time = 0s'],
        })
        const before = await ikeSpis()
        let ups = 0
        const change = async () => {
          ups = await ikeUps(async seen => {
            await sleep(16_000)
            await until('two authentications', 60_000, () => seen() >= 2)
          })
        }
        await lossless(t, `ours was the ${role}`, change, DENSE)
        t.ok(ups >= 2, `${ups} authentications`)
        t.not(await ikeSpis(), before)
        await until('one IKE SA', 30_000, async () => !(await ikeSpis()).includes(','))
        t.equal((await children()).length, 1)
      }
    },
  )

  await t.test('RFC 5685 §5: strongSwan sends us to another gateway, and back', async t => {
    const other = '198.51.100.3'
    await lab.at.routerB.ip([`addr add ${other}/24 dev wan0`])
    const both = { address: `${ADDRESSES.wan.B[4]},${other}`, id: id('B') }
    await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16', 'initiator', { local: both })
    const where = async () => (await report()).ike.map(sa => sa.remote.replace(/:\d+$/, '')).join()
    const go = (to: string) => swan.control('--redirect', '--ike', 'net', '--gateway', to)
    await go(other)
    t.match(swan.log(), /client does not support IKE redirection/, 'not allowed, nothing is announced')

    await ours.api.ask('PATCH', `/v1/peers/${NAME}`, { remote: { redirect: true } })
    await ours.api.ask('POST', `/v1/tunnels/${NAME}/reauthenticate`)
    await until('announced', 30_000, async () => /N\(REDIR_SUP\)/.test(swan.log()))
    await until('one IKE SA', 30_000, async () => !(await ikeSpis()).includes(','))
    await go(other)
    await until('the other gateway', 30_000, async () => (await where()) === other)
    t.equal((await children()).length, 1)
    await go(ADDRESSES.wan.B[4])
    await until('the first gateway again', 30_000, async () => (await where()) === ADDRESSES.wan.B[4])
    await until('ping', 30_000, async () => (await ping(hostA, target)).received === 1)
    t.match(ours.log(), /sends us to 198\.51\.100\.3/)
  })

  await t.test('RFC 7296 §1.4.1: a tunnel taken down by us is gone on the other side', async t => {
    await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16', 'initiator')
    await ours.api.ask('POST', `/v1/tunnels/${NAME}/down`)
    await swan.without('ike')
    await until('we have none, too', 30_000, async () => (await report()).ike.length === 0)
    await ours.api.ask('POST', `/v1/tunnels/${NAME}/up`)
    await until('ping again', 30_000, async () => (await ping(hostA, target)).received === 1)
    t.pass('and `up` brings it back')
  })

  await t.test(
    'RFC 7296 §1.4.1: a child and an IKE SA deleted by strongSwan come back, since we are to initiate',
    async t => {
      for (const what of ['--child', '--ike']) {
        await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16', 'initiator')
        const old = (await children())[0]?.spiIn
        await swan.control('--terminate', what, 'net')
        await until('a new child', 30_000, async () => {
          const now = await children()
          return now.length === 1 && now[0]?.spiIn !== old
        })
        await until('ping again', 30_000, async () => (await ping(hostA, target)).received === 1)
        t.pass(`after --terminate ${what}`)
      }
    },
  )

  await t.test(
    'RFC 7296 §2.4: a killed peer is noticed within 10 s of sending, and found again when it is back',
    async t => {
      await begin('aes128gcm16-prfsha256-x25519', 'aes128gcm16', 'initiator')
      const steady = new LongPing(hostA, target, join(lab.folder, 'ping-killed'), 0.1)
      lab.cleanup.add('ping', () => steady.stop())
      const began = performance.now()
      swan.kill()
      await until('noticed', 30_000, async () => (await report()).state !== 'up')
      const noticed = (performance.now() - began) / 1000
      t.ok(noticed <= 11.5, `noticed after ${noticed.toFixed(1)} s`)
      await swan.start([theirs('aes128gcm16-prfsha256-x25519', 'aes128gcm16')])
      await until('ping again', 30_000, async () => (await ping(hostA, target)).received === 1)
      await steady.stop()
      await swan.stop()
    },
  )
})
