/** The measuring instrument is measured first: two foreign routers, the capture and the traffic tools, without Brunel. */

import { join } from 'node:path'
import t from 'tap'
import { Capture, FOREIGN } from '../../src/net/capture.js'
import { ADDRESSES, type Side, Topology } from '../../src/net/topology.js'
import { IperfServer, iperf, ping } from '../../src/net/traffic.js'
import { startGreRouter } from '../../src/peers/gre-router.js'
import { StrongSwan, withoutStrongSwan } from '../../src/peers/strongswan.js'
import type { SwanConnection } from '../../src/peers/swanctl-conf.js'

const far = (side: Side): Side => (side === 'A' ? 'B' : 'A')

const connection = (side: Side): SwanConnection => ({
  name: 'net',
  local: { address: ADDRESSES.wan[side][4], id: `${side}.lab` },
  remote: { address: ADDRESSES.wan[far(side)][4], id: `${far(side)}.lab` },
  psk: 'lab-psk-0123456789abcdef',
  ike: 'aes128gcm16-prfsha256-x25519',
  esp: 'aes128gcm16-x25519',
  mode: 'tunnel',
})

t.test(
  'two strongSwan with the lab GRE between them carry ping and TCP from host to host',
  { skip: process.getuid?.() !== 0 ? 'needs root' : withoutStrongSwan() },
  async t => {
    const lab = await Topology.build()
    t.teardown(() => lab.destroy())
    const swans = {} as Record<Side, StrongSwan>
    for (const side of ['A', 'B'] as const) {
      swans[side] = new StrongSwan(lab.router(side), join(lab.folder, `swan-${side}`))
      await swans[side].start([connection(side)])
    }
    const capture = await Capture.start(lab.at.underlay, 'toA', join(lab.folder, 'wire.pcap'), 128)
    const up = await swans.A.initiate('net')
    t.equal(up.code, 0, up.out + up.err)
    for (const side of ['A', 'B'] as const)
      await startGreRouter(lab.router(side), join(lab.folder, `gre-${side}`), {
        local: ADDRESSES.wan[side][4],
        remote: ADDRESSES.wan[far(side)][4],
        interface: 'gre0',
        addresses: [`${ADDRESSES.tunnel[side][4]}/30`, `${ADDRESSES.tunnel[side][6]}/64`],
        routes: [ADDRESSES.site[far(side)][4], ADDRESSES.site[far(side)][6]],
        mtu: 1414,
        key: 7,
      })
    const pinged = await ping(lab.at.hostA, ADDRESSES.host.B[4], { count: 5 })
    t.equal(pinged.received, 5, pinged.text)
    const pinged6 = await ping(lab.at.hostA, ADDRESSES.host.B[6], { count: 3 })
    t.equal(pinged6.received, 3, pinged6.text)
    const server = await IperfServer.start(lab.at.hostB, join(lab.folder, 'iperf.log'))
    const { bytes } = await iperf(lab.at.hostA, ADDRESSES.host.B[4], { seconds: 1 })
    t.ok(bytes > 1e6, `TCP carried ${bytes} octets`)
    await server.stop()
    await capture.stop()
    t.ok((await capture.count('udp port 4500')) > 20)
    t.same(await capture.lines(FOREIGN), [], 'nothing but IKE and ESP crosses the underlay')
  },
)
