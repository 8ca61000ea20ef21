import { instant, millis } from '@brunel/base'
import { normalise } from '@brunel/config'
import { Counters, type DatapathCommand, SA_COUNTER } from '@brunel/datapath'
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
function opened(addSa?: () => number) {
  const commands: DatapathCommand[] = []
  let next = 0
  const index = (): number => next++
  const io: Pick<
    PacketIo,
    'counters' | 'openTun' | 'addSa' | 'addPath' | 'movePath' | 'removePath' | 'command'
  > = {
    counters: new Counters(),
    openTun: () => 3,
    addSa: addSa ?? index,
    addPath: index,
    movePath: () => undefined,
    removePath: () => undefined,
    command: command => void commands.push(command),
  }
  const told: number[] = []
  const interfaces = { exists: () => false, setMtu: async () => undefined }
  const tunnel = new Tunnel(peer, {
    io: io as PacketIo,
    interfaces: interfaces as never,
    now: () => instant(1000),
    chance: () => 0,
    warn: () => undefined,
    tellMtu: (_, own) => void told.push(own),
    onMtu: () => undefined,
    routed: () => undefined,
    onBug: error => t.fail(String(error)),
  })
  const restarts = (): number => commands.filter(command => command.do === 'tunnel-restart').length
  /** What a pump would have counted. */
  const counted = (
    direction: 'inbound' | 'outbound',
    sa: number,
    packets: number,
    sequence: number,
  ): void => {
    const cell = io.counters.sa(direction, sa)
    io.counters.cells[cell + SA_COUNTER.packets] = packets
    io.counters.cells[cell + SA_COUNTER.sequence] = sequence
  }
  return { tunnel, restarts, counted, commands, told }
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

/** With keys that are not zeros. */
function keyed(spiIn: number): Child {
  const one = child(spiIn)
  for (const keys of [one.keysIn, one.keysOut]) keys.encryption.fill(0x5a)
  return one
}
const erased = ({ keysIn, keysOut }: Child): boolean =>
  [keysIn, keysOut].every(({ encryption }) => encryption.every(octet => octet === 0))

t.test(
  'RFC 7296 §2.12: keys of a child are erased here once the sealer has them, or refused them',
  async t => {
    const given = keyed(1000)
    opened().tunnel.install(given, true)
    t.ok(erased(given))
    const refused = keyed(2000)
    const { tunnel } = opened(() => {
      throw new Error('no room')
    })
    t.throws(() => tunnel.install(refused, true), /no room/)
    t.ok(erased(refused))
  },
)

t.test('RFC 7296 §2.12: an SA that still receives for a while is erased when its tunnel closes', async t => {
  const { tunnel, commands } = opened()
  tunnel.install(child(1000), true)
  tunnel.sas.remove(1000, millis(5000))
  const removed = (): number => commands.filter(({ do: what }) => what === 'sa-remove').length
  t.equal(removed(), 1, 'the outbound one')
  tunnel.sas.close()
  t.equal(removed(), 2, 'and the inbound one, which frees its keys')
})

t.test('what an SA has carried is final once its pump lets it go', async t => {
  const { tunnel, counted } = opened()
  const { sas } = tunnel
  const { inbound, outbound } = sas.install(child(1000), true, 0)
  sas.remove(1000, millis(0))
  t.equal(sas.leaving, 2)
  counted('inbound', inbound, 97, 100)
  counted('outbound', outbound, 49, 50)
  sas.released('inbound', inbound)
  sas.released('outbound', outbound)
  sas.released('outbound', outbound)
  t.same(sas.ended.inbound, { sas: 1, packets: 97, missing: 3 })
  t.same(sas.ended.outbound, { sas: 1, packets: 50, missing: 0 }, 'numbers that were given out')
  t.equal(sas.leaving, 0)
})

t.test('a redundant SA that never sent has not the figures of the one that had its index before', async t => {
  const { tunnel, counted } = opened()
  const { sas } = tunnel
  counted('outbound', 1, 7, 7)
  const { outbound } = sas.install(child(1000), false, 0)
  t.equal(outbound, 1)
  sas.remove(1000, millis(0))
  sas.released('outbound', outbound)
  t.same(sas.ended.outbound, { sas: 1, packets: 0, missing: 0 })
})

t.test(
  'the peer is told our MTU once it is another, behind what goes on, and never what it told itself',
  async t => {
    const { tunnel, told, commands } = opened()
    const own = tunnel.mtuState.own
    tunnel.applyMtu()
    await Promise.resolve()
    t.same(told, [own])
    tunnel.mtu.underlay(1400)
    tunnel.applyMtu()
    tunnel.mtu.underlay(1300)
    tunnel.applyMtu()
    t.same(told, [own], 'not from within')
    await Promise.resolve()
    t.same(told.at(-1), own - 200)
    const before = told.length
    tunnel.mtuTold(1000)
    await Promise.resolve()
    t.equal(told.length, before)
    t.match(commands.filter(command => command.do === 'tunnel-set').at(-1), {
      tunnel: { mtu: 1000, mss: { ipv4: 960 } },
    })
  },
)
