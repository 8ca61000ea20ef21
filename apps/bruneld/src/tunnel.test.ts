import { instant, millis } from '@brunel/base'
import { normalise } from '@brunel/config'
import { Counters, type DatapathCommand } from '@brunel/datapath'
import type { Child } from '@brunel/ikev2'
import type { PacketIo } from '@brunel/packet-io'
import t from 'tap'
import { Tunnel } from './tunnel.js'

const peer = normalise({
  name: 'branch-7',
  local: { address: '192.0.2.1' },
  remote: { address: '198.51.100.7' },
  auth: { method: 'psk', psk: 'not a real secret' },
  gre: { sequence: true },
} as Parameters<typeof normalise>[0])

const end = (address: string) => ({ address, port: 0 })
const host = (address: string) => [
  { protocol: 47, startPort: 0, endPort: 65535, startAddress: address, endAddress: address },
]

function child(spiIn: number): Child {
  const keys = () => ({ encryption: new Uint8Array(36), integrity: new Uint8Array(0) })
  return {
    peer: 'branch-7',
    spiIn,
    spiOut: spiIn + 1,
    encryption: {
      name: 'aes256gcm16',
      id: 20,
      keyBits: 256,
      keyLength: 32,
      saltLength: 4,
      ivLength: 8,
      blockLength: 1,
      icvLength: 16,
    },
    integrity: undefined,
    esn: true,
    mode: 'tunnel',
    modeReason: undefined,
    localSelectors: host('192.0.2.1'),
    remoteSelectors: host('198.51.100.7'),
    keysIn: keys(),
    keysOut: keys(),
    encapsulation: 'none',
    local: end('192.0.2.1'),
    remote: end('198.51.100.7'),
    nat: { local: false, remote: false },
    replaces: undefined,
    tfcPadding: true,
  }
}

/** A tunnel over ports that write down what they are told. */
function opened() {
  const commands: DatapathCommand[] = []
  let next = 0
  const index = (): number => next++
  const io: Pick<
    PacketIo,
    'counters' | 'openTun' | 'closeTun' | 'addSa' | 'addPath' | 'movePath' | 'removePath' | 'command'
  > = {
    counters: new Counters(),
    openTun: () => 3,
    closeTun: () => undefined,
    addSa: index,
    addPath: index,
    movePath: () => undefined,
    removePath: () => undefined,
    command: command => void commands.push(command),
  }
  const interfaces = {
    exists: () => false,
    setMtu: async () => undefined,
    forget: () => undefined,
  }
  const tunnel = new Tunnel(peer, {
    io: io as PacketIo,
    interfaces: interfaces as never,
    now: () => instant(1000),
    chance: () => 0,
    warn: () => undefined,
  })
  const restarts = (): number => commands.filter(command => command.do === 'tunnel-restart').length
  const removed = (): readonly string[] =>
    commands.flatMap(command => (command.do === 'sa-remove' ? [`${command.direction} ${command.sa}`] : []))
  return { tunnel, restarts, removed }
}

t.test('RFC 2890 §2.2: a tunnel that is established anew counts its GRE packets anew', async t => {
  const { tunnel, restarts } = opened()
  tunnel.established(1)
  t.equal(restarts(), 1)
  tunnel.install(child(1000), true)
  tunnel.sas.remove(1000, millis(0))
  tunnel.established(2)
  t.equal(restarts(), 2)
})

t.test('RFC 2890 §2.2: a reauthentication or a rekey goes on counting: packets are under way', async t => {
  const { tunnel, restarts } = opened()
  tunnel.established(1)
  tunnel.install(child(1000), true)
  tunnel.established(2)
  tunnel.rekeyed(3)
  tunnel.install(child(2000), true)
  tunnel.sas.remove(1000, millis(0))
  t.equal(restarts(), 1)
})

t.test(
  'a tunnel that is closed leaves no SA behind, not even one that was still to receive for a while',
  async t => {
    const { tunnel, removed } = opened()
    tunnel.install(child(1000), true)
    tunnel.install(child(2000), true)
    tunnel.sas.remove(1000, millis(5000))
    t.strictSame(removed(), ['outbound 1'])
    await tunnel.close()
    t.strictSame(removed(), ['outbound 1', 'outbound 4', 'inbound 3', 'inbound 0'])
  },
)
