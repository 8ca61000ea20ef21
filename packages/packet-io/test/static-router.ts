/**
 * A router without a control plane: one tunnel, keys from its argument. It runs inside a network namespace as a
 * process of its own, prints an event a line, ends with its standard input and prints its counters last. A line
 * `hellos 200 10` on its input sends 200 packets of a relay into the tunnel, one each 10 ms.
 */
import { spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DatapathEvent, SaSpec } from '@brunel/datapath'
import type { PacketIo, SealerSa } from '../src/contract.js'
import { openPacketIo } from '../src/packet-io.js'
import { arrivalOf, hello } from './hellos.js'
import { SUITES, type SuiteName } from './suites.js'

export interface StaticRouterConfig {
  readonly tun: string
  readonly addresses: readonly string[]
  readonly routes: readonly string[]
  readonly mtu: number
  /** TUN interfaces that carry nothing: a packet must not cost more for them. */
  readonly idle?: number
  /** Whether a relay has the tunnel's OSPF. */
  readonly relay?: boolean
  readonly suite: SuiteName
  readonly esn: boolean
  readonly mode: 'tunnel' | 'transport'
  readonly encapsulation: 'udp' | 'none'
  readonly local: string
  readonly remote: string
  /** Hex, long enough for any suite; the other end has the two exchanged. */
  readonly sendKey: string
  readonly receiveKey: string
}

const say = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`)

function sealerSa(config: StaticRouterConfig, hex: string): SealerSa {
  const suite = SUITES[config.suite]
  const octets = Buffer.from(hex, 'hex')
  const encryptionKey = octets.subarray(0, suite.keyLength)
  const integrityKey = octets.subarray(suite.keyLength, suite.keyLength + suite.integrityKeyLength)
  const { cipher, integrity, icvLength } = suite
  return { cipher, encryptionKey, integrity, integrityKey, icvLength, esn: config.esn }
}

function saSpec(
  config: StaticRouterConfig,
  sa: { sa: number; spi: number; tun: number; path: number },
): SaSpec {
  const { icvLength, ivLength, blockLength } = SUITES[config.suite]
  const family = config.local.includes(':')
    ? ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff']
    : ['0.0.0.0', '255.255.255.255']
  const [low, high] = family as [string, string]
  const port = config.encapsulation === 'udp' ? 4500 : 0
  const endless = Number.MAX_SAFE_INTEGER
  return {
    ...sa,
    mode: config.mode,
    ivLength,
    blockLength,
    icvLength,
    counterIv: ivLength === 8,
    esn: config.esn,
    replayWindow: 4096,
    selectors: [{ localStart: low, localEnd: high, remoteStart: low, remoteEnd: high, protocol: 47 }],
    localDelivery: config.local,
    remoteDelivery: config.remote,
    remote: { address: config.remote, port },
    limits: { softBytes: endless, hardBytes: endless, softPackets: endless, hardPackets: endless },
  }
}

/** The SPI follows from the key, so that both ends agree. */
const spiOf = (key: string): number => (Number.parseInt(key.slice(0, 6), 16) + 0x1000) >>> 0

function start(config: StaticRouterConfig, io: PacketIo): void {
  const idle = Array.from({ length: config.idle ?? 0 }, (_, i) => `idle${i}`)
  for (const name of idle) io.openTun(name)
  const up = idle.map(name => `link set ${name} up`).join('\n')
  spawnSync('ip', ['-batch', '-'], { input: up })
  const tun = io.openTun(config.tun)
  const ip = (...args: string[]): void => {
    const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' })
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`)
  }
  const port = config.encapsulation === 'udp' ? 4500 : 0
  const path = io.addPath({
    encapsulation: config.encapsulation,
    local: { address: config.local, port },
    remote: { address: config.remote, port },
  })
  const gre = { key: undefined, checksum: false, sequence: false }
  const mss = { ipv4: config.mtu - 40, ipv6: config.mtu - 60 }
  io.command({
    do: 'tunnel-set',
    tunnel: {
      tun,
      name: 'other',
      gre,
      mtu: config.mtu,
      mss,
      farAddresses: [],
      nearAddresses: [],
      remoteAddress: undefined,
    },
  })
  if (config.relay) io.command({ do: 'relay-set', tun, kinds: ['ospf'] })
  const inbound = io.addSa(sealerSa(config, config.receiveKey))
  io.command({
    do: 'inbound-add',
    sa: saSpec(config, { sa: inbound, spi: spiOf(config.receiveKey), tun, path }),
  })
  const outbound = io.addSa(sealerSa(config, config.sendKey))
  io.command({
    do: 'outbound-use',
    sa: saSpec(config, { sa: outbound, spi: spiOf(config.sendKey), tun, path }),
  })
  for (const address of config.addresses) ip('address', 'add', address, 'dev', config.tun)
  ip('link', 'set', config.tun, 'up', 'mtu', String(config.mtu))
  for (const route of config.routes) ip('route', 'add', route, 'dev', config.tun)
  createInterface({ input: process.stdin })
    .on('line', line => void sendHellos(io, tun, line))
    .on('close', () => void stop(io))
  say({ ready: true })
}

async function sendHellos(io: PacketIo, tun: number, line: string): Promise<void> {
  const [count, every] = line.split(' ').slice(1).map(Number) as [number, number]
  for (let number = 0; number < count; number++) {
    io.command({ do: 'relay-send', tun, packet: hello(number) })
    await sleep(every)
  }
}

const told = (event: DatapathEvent): object =>
  event.on === 'relay' ? { hello: arrivalOf(event.packet) } : { event }

async function stop(io: PacketIo): Promise<void> {
  const cpu = process.cpuUsage()
  await io.stop()
  const drops = Object.fromEntries(Object.entries(io.counters.dropped()).filter(([, n]) => n > 0))
  say({ drops, cpu: (cpu.user + cpu.system) / 1e6, rss: process.memoryUsage().rss })
}

const config = JSON.parse(process.argv[2] ?? '{}') as StaticRouterConfig
let io: PacketIo | undefined
try {
  io = openPacketIo({ ports: { ike: 500, natt: 4500 }, onEvent: event => say(told(event)) })
  start(config, io)
} catch (error) {
  const { code, message, remedy } = error as Error & { code?: string; remedy?: string }
  say({ failed: { code, message, remedy } })
  process.exitCode = 1
  await io?.stop()
}
