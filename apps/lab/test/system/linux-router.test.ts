/** Ours against a Linux router: ESP and GRE of the kernel, in a virtual machine; strongSwan speaks IKE for it. */
import { join } from 'node:path'
import t from 'tap'
import { Capture } from '../../src/net/capture.js'
import { ADDRESSES, Topology } from '../../src/net/topology.js'
import { iperf, ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { Frr, withoutFrr } from '../../src/peers/frr.js'
import { LinuxVm, VM, withoutVm } from '../../src/peers/linux-vm.js'
import { id, PSK, peerDocument } from '../../src/peers/peer-document.js'
import type { SwanConnection } from '../../src/peers/swanctl-conf.js'
import { Authority } from './authority.js'
import { noLab, owned, tail } from './gear.js'

const NAME = 'site-b'
const KEY = 42
const IKE = 'aes128gcm16-prfsha256-x25519'

interface Shape {
  readonly title: string
  readonly esp: string
  readonly mode: 'tunnel' | 'transport'
  readonly udp: boolean
  readonly initiator: 'ours' | 'theirs'
  readonly mtu: number
}

const SHAPES: readonly Shape[] = [
  {
    title: 'transport mode, protocol 50',
    esp: 'aes128gcm16',
    mode: 'transport',
    udp: false,
    initiator: 'ours',
    mtu: 1438,
  },
  {
    title: 'transport mode, protocol 50, ESN',
    esp: 'aes256gcm16-esn',
    mode: 'transport',
    udp: false,
    initiator: 'theirs',
    mtu: 1438,
  },
  {
    title: 'tunnel mode, protocol 50, AES-CBC',
    esp: 'aes256-sha256',
    mode: 'tunnel',
    udp: false,
    initiator: 'ours',
    mtu: 1410,
  },
  {
    title: 'tunnel mode in UDP',
    esp: 'aes128gcm16',
    mode: 'tunnel',
    udp: true,
    initiator: 'ours',
    mtu: 1410,
  },
  {
    title: 'transport mode in UDP, ESN, ChaCha20-Poly1305',
    esp: 'chacha20poly1305-esn',
    mode: 'transport',
    udp: true,
    initiator: 'theirs',
    mtu: 1430,
  },
]

const theirs = ({ esp, mode, udp }: Shape): SwanConnection => ({
  name: 'net',
  local: { address: VM.address, id: id('B') },
  remote: { address: ADDRESSES.wan.A[4], id: id('A') },
  psk: PSK,
  ike: IKE,
  esp,
  mode,
  connection: udp ? ['encap = yes'] : [],
})

t.test('Brunel and a Linux kernel', { skip: noLab() || (await withoutVm()), timeout: 600_000 }, async t => {
  const lab = owned(t, await Topology.build())
  const ours = new Bruneld(lab.at.routerA, join(lab.folder, 'ours'))
  const vm = new LinuxVm(lab.at.underlay, join(lab.folder, 'vm'))
  t.teardown(async () => {
    if (!t.passing()) t.comment(`bruneld:\n${tail(ours.log())}`)
  })
  const [first] = SHAPES as readonly [Shape, ...Shape[]]
  const gre = { remote: ADDRESSES.wan.A[4], inner: `${ADDRESSES.tunnel.B[4]}/30`, key: KEY, mtu: first.mtu }
  lab.cleanup.add('virtual machine', () => vm.stop())
  await vm.start({ connection: theirs(first), gre })
  await lab.at.routerA.ip([`route add ${VM.network} via ${ADDRESSES.gateway.A[4]}`])
  await ours.start()
  lab.cleanup.add('bruneld', () => ours.stop())
  await vm.shell(`ip route add ${ADDRESSES.site.A[4]} dev gre1`)
  const { hostA } = lab.at

  async function begin(shape: Shape, by?: Authority): Promise<void> {
    await ours.api.send('DELETE', `/v1/peers/${NAME}`)
    await vm.shell('swanctl --terminate --ike net --force')
    const auth = { local: 'pubkey', remote: 'pubkey', certificate: 'b.pem' }
    await vm.load({ ...theirs(shape), ...(by && { auth }) })
    await vm.shell(`ip link set gre1 mtu ${shape.mtu}`)
    const { esp, mode, udp, initiator } = shape
    const encapsulation = udp ? 'udp' : 'auto'
    const wish = {
      side: 'A',
      greKey: KEY,
      ike: [IKE],
      esp: [esp],
      mode,
      remote: VM.address,
      initiate: initiator === 'ours',
      ...(by && { auth: by.auth('A', {}) }),
    } as const
    await ours.api.ask('POST', '/v1/peers', peerDocument({ ...wish, encapsulation }))
    await hostA.ip(['route flush cache']) // path MTUs of the shape before
    // A busy guest may take the command twice and refuse the second as a duplicate: the ping decides.
    if (initiator === 'theirs')
      t.comment((await vm.shell('swanctl --initiate --child net')).out.split('\n').at(-2))
    await until(
      'ping through the kernel',
      30_000,
      async () => (await ping(hostA, VM.lan, { wait: 2 })).received === 1,
    )
    await ours.up(NAME)
  }

  for (const shape of SHAPES)
    await t.test(shape.title, async t => {
      const capture = await Capture.start(
        lab.at.underlay,
        'toA',
        join(lab.folder, `${shape.title.replaceAll(/\W/g, '-')}.pcap`),
        128,
      )
      await begin(shape)
      const report = await ours.api.tunnel(NAME)
      const child = report.ike[0]?.children[0]
      t.match(child, {
        mode: shape.mode,
        encapsulation: shape.udp ? 'udp' : 'none',
        esn: shape.esp.endsWith('-esn'),
      })
      t.equal(report.mtu.tunnel, shape.mtu)
      const { received, text } = await ping(hostA, VM.lan, { count: 5, interval: 0.1 })
      t.equal(received, 5, text)
      const whole = await ping(hostA, VM.lan, { size: shape.mtu - 28, whole: true, count: 2 })
      t.equal(whole.received, 2, `${shape.mtu} octets cross whole`)
      for (const reverse of [false, true]) {
        // The guest's server needs its time to come back after each run.
        const { bytes } = await until(
          'iperf3',
          20_000,
          () => iperf(hostA, VM.lan, { seconds: 1, reverse }),
          500,
        )
        t.ok(bytes > 1e5, `TCP ${reverse ? 'from' : 'to'} the kernel carried ${bytes} octets`)
      }
      const states = (await vm.shell('ip -d xfrm state')).out
      t.match(states, new RegExp(`mode ${shape.mode}`))
      t.equal(/encap type espinudp/.test(states), shape.udp)
      t.equal(/\besn\b/.test(states), shape.esp.endsWith('-esn'))
      await ours.api.ask('POST', `/v1/tunnels/${NAME}/rekey`)
      t.equal((await ping(hostA, VM.lan, { count: 3 })).received, 3, 'after a rekey')
      await capture.stop()
      t.ok((await capture.count(shape.udp ? 'udp port 4500' : 'ip proto 50')) > 20)
      t.equal(
        await capture.count(`ip proto 47 and src host ${ADDRESSES.wan.A[4]}`),
        0,
        'no GRE of ours in the clear',
      )
    })

  for (const kind of ['rsa2048', 'ecdsa256', 'ed25519'])
    await t.test(`RFC 7427 §3: certificates with ${kind}`, async t => {
      const by = new Authority(join(lab.folder, kind))
      await by.begin('--key', kind)
      const put = (from: string, to: string): Promise<unknown> =>
        vm.shell(`cat > /etc/swanctl/${to} <<'E'\n${by.text(from)}E`)
      await put('ca.pem', 'x509ca/ca.pem')
      await put(`${id('B')}.pem`, 'x509/b.pem')
      await put(`${id('B')}.key`, 'private/b.key')
      const [, , , udp] = SHAPES as readonly [Shape, Shape, Shape, Shape]
      for (const initiator of ['theirs', 'ours'] as const) {
        await begin({ ...udp, initiator }, by)
        const [sa] = (await ours.api.tunnel(NAME)).ike
        t.match(sa?.certificate, { subject: `CN=${id('B')}` })
        t.equal(sa?.role, initiator === 'ours' ? 'initiator' : 'responder')
        t.equal((await ping(hostA, VM.lan, { count: 3 })).received, 3)
      }
    })

  await t.test('OSPF becomes Full with the ospfd of the guest', { skip: withoutFrr() }, async t => {
    await begin(first)
    const frr = new Frr(lab.at.routerA, join(lab.folder, 'frr'))
    lab.cleanup.add('FRR', () => frr.stop())
    const networks = ['10.255.0.0/30', ADDRESSES.site.A[4]]
    await frr.start({ routerId: '10.255.0.1', interface: 'gre1', networks, passive: 'lan0' })
    await vm.shell('frr-start ospfd')
    await until('Full', 60_000, () => frr.full(), 300)
    await until(
      'the guest’s LAN by OSPF',
      30_000,
      async () => (await frr.vtysh('show ip ospf route')).includes('10.2.0.0/24'),
      300,
    )
    t.pass('Full, and the route is there')
  })
})
