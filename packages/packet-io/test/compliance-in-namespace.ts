/**
 * The suite that every implementation of the ports passes, for the addon, in one namespace of its own.
 * Two TUNs are cross-connected by nftables, so that what is written to one is read from the other as it is.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { millis } from '@brunel/base'
import { type Batch, ROW, ROW_FIELDS, SOCKET } from '@brunel/datapath'
import { sealerCompliance, tunCompliance, underlayCompliance } from '@brunel/datapath/compliance'
import t from 'tap'
import { native, pumpNumber } from '../src/native.js'
import { NativeSealer, NativeTun, NativeUnderlay } from '../src/pump-ports.js'
import { inboundBatch, outboundBatch } from './batches.js'

if (process.env['BRUNEL_TEST_NAMESPACE'] === undefined)
  throw new Error('start system.test.js, it makes a namespace')

const sh = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0

const io = native.openIo(500, 4500)
const other = native.openIo(5500, 5501)
t.teardown(() => {
  native.closeIo(io)
  native.closeIo(other)
})
const SHORT = millis(1000)

function put(batch: Batch, bytes: Uint8Array, fields: Partial<Record<keyof typeof ROW, number>>): void {
  batch.bytes.set(bytes, batch.shape.headroom)
  batch.rows.fill(0, 0, ROW_FIELDS)
  for (const [name, value] of Object.entries({
    offset: batch.shape.headroom,
    length: bytes.length,
    ...fields,
  })) {
    batch.rows[ROW[name as keyof typeof ROW]] = value
  }
}

/** Packets of whatever reads, until `count` are there. */
function collect(count: number, batch: Batch, read: () => number): Uint8Array[] {
  const got: Uint8Array[] = []
  for (let n = read(); n > 0; n = got.length < count ? read() : 0) {
    for (let i = 0; i < n; i++) {
      const at = batch.rows[i * ROW_FIELDS + ROW.offset] as number
      got.push(batch.bytes.slice(at, at + (batch.rows[i * ROW_FIELDS + ROW.length] as number)))
    }
  }
  return got
}

/** Two TUNs back to back; undefined where nftables cannot. */
function crossConnected(): readonly [number, number] | undefined {
  const [ours, hosts] = [native.openTun(io, 'ours0'), native.openTun(other, 'host0')]
  for (const name of ['ours0', 'host0']) {
    sh('ip', 'link', 'set', name, 'addrgenmode', 'none')
    sh('ip', 'link', 'set', name, 'up')
  }
  const chain = (from: string, to: string): string =>
    `table netdev ${from} { chain in { type filter hook ingress device "${from}" priority 0; fwd to "${to}"; }; }`
  const loaded = [chain('ours0', 'host0'), chain('host0', 'ours0')].every(
    rules => spawnSync('nft', ['-f', '-'], { input: rules }).status === 0,
  )
  return loaded ? [ours, hosts] : undefined
}

const tuns = crossConnected()
t.test('the TUN of the addon', { skip: tuns === undefined && 'needs nftables with fwd' }, async t => {
  const [ours, hosts] = tuns ?? [0, 0]
  const port = new NativeTun(pumpNumber(io, 'outbound'))
  const host = new NativeTun(pumpNumber(other, 'outbound'))
  const [batch, far] = [outboundBatch(), outboundBatch()]
  tunCompliance(t, async () => ({
    port,
    batch,
    tun: ours,
    hostSends: async packet => {
      put(far, packet, { tun: hosts })
      host.write(far, 1)
    },
    hostGot: async count => collect(count, far, () => host.read(far, 64, SHORT)),
  }))
})

t.test('the underlay of the addon', async t => {
  const port = new NativeUnderlay(pumpNumber(io, 'inbound'))
  const peer = new NativeUnderlay(pumpNumber(other, 'inbound'))
  const [farIn, farOut] = [inboundBatch(), outboundBatch()]
  const towardsUs = (from: number): number =>
    native.setPath(other, -1, true, '127.0.0.1', from, '127.0.0.1', 4500)
  const [near, stranger] = [towardsUs(5501), towardsUs(5500)]
  const sends =
    (path: number) =>
    async (bytes: Uint8Array, tos = 0) => {
      put(farOut, bytes, { path, tos })
      peer.send(farOut, 1)
    }
  const path = native.setPath(io, -1, true, '127.0.0.1', 4500, '127.0.0.1', 5501)
  const [inbound, outbound] = [inboundBatch(), outboundBatch()]
  underlayCompliance(t, async () => ({
    port,
    inbound,
    outbound,
    path,
    remote: { address: '127.0.0.1', port: 5501 },
    socket: SOCKET.udp4500,
    peerSends: sends(near),
    strangerSends: sends(stranger),
    peerGot: async count => collect(count, farIn, () => peer.receive(farIn, 64, SHORT)),
  }))
})

for (const [title, cipher, keyLength, mac, macLength, ivLength, esn] of [
  ['AES-GCM with ESN', 0, 20, 0, 0, 8, true],
  ['AES-GCM without ESN', 0, 20, 0, 0, 8, false],
  ['ChaCha20-Poly1305', 1, 36, 0, 0, 8, true],
  ['AES-CBC with SHA2-256 and ESN', 2, 16, 1, 32, 16, true],
] as const) {
  t.test(`the sealer of the addon, ${title}`, async t => {
    const sa = (): number =>
      native.addSa(io, cipher, randomBytes(keyLength), mac, randomBytes(macLength), 16, esn)
    const sas = [sa(), sa()] as const
    const port = new NativeSealer(pumpNumber(io, 'outbound'))
    const batch = outboundBatch()
    sealerCompliance(t, async () => ({
      port,
      batch,
      sas,
      ivLength,
      icvLength: 16,
      counterIv: ivLength === 8,
      esn,
    }))
  })
}
