/** TCP connections against a real kernel, in a namespace of its own that `system.test.ts` makes. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { DatapathEvent } from '@brunel/datapath'
import t, { type Test } from 'tap'
import { openPacketIo } from '../src/packet-io.js'

if (process.env['BRUNEL_TEST_NAMESPACE'] === undefined)
  throw new Error('start system.test.js, it makes a namespace')

const PORT = 6501
const HERE = '127.0.0.1'
const PREFIX = Buffer.from('IKETCP')

spawnSync('ip', ['link', 'set', 'lo', 'up'])
const events: DatapathEvent[] = []
const io = openPacketIo({ ports: { ike: 6500, natt: PORT }, onEvent: event => events.push(event) })
t.teardown(() => io.stop())

type Of<E> = Extract<DatapathEvent, { on: E }>
const said = <E extends DatapathEvent['on']>(on: E): Of<E>[] => events.filter(e => e.on === on) as Of<E>[]

/** The value, once there is one. */
async function soon<T>(look: () => T | undefined, what: string): Promise<T> {
  for (let i = 0; i < 1500; i++) {
    const found = look()
    if (found !== undefined) return found
    await pause(20)
  }
  throw new Error(`never: ${what}; ${JSON.stringify(events)}`)
}

async function stranger(
  ...chunks: readonly Uint8Array[]
): Promise<{ socket: Socket; closed: Promise<unknown> }> {
  const socket = connect(PORT, HERE).on('error', () => socket.destroy())
  const closed = new Promise(resolve => socket.on('close', resolve))
  await new Promise(resolve => socket.on('connect', resolve))
  for (const chunk of chunks) socket.write(chunk)
  socket.resume()
  return { socket, closed }
}

const framed = (content: Uint8Array): Buffer =>
  Buffer.from([(content.length + 2) >>> 8, (content.length + 2) & 255, ...content])
const refusals = (drop: string) => soon(() => said('stream-refused').find(e => e.drop === drop), drop)

/** An IKE header that goes up: IKE_SA_INIT of a stranger. */
const init = new Uint8Array(32)
init.set([1, 1, 1, 1, 1, 1, 1, 1])
init.set([0x21, 0x20, 34, 0x08], 16)
init[27] = 32

t.test('nobody listens before somebody asks for it', async t => {
  const socket = connect(PORT, HERE)
  const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException]
  t.equal(error.code, 'ECONNREFUSED')
  io.streams.listen()
  await soon(() => said('stream-listening').find(e => e.refused === undefined), 'listening')
})

t.test('RFC 9329, RFC 8229 §4: what does not begin with the prefix is closed and counted', async t => {
  const { closed } = await stranger(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
  await closed
  t.match(await refusals('tcp-prefix'), { remote: HERE })
})

t.test('RFC 9329 §3: a length that none can have is closed and counted', async t => {
  const { closed } = await stranger(PREFIX, Uint8Array.of(0, 1))
  await closed
  t.match(await refusals('tcp-length'), { remote: HERE })
})

t.test('RFC 8229 §6: nonsense without end is closed and counted', async t => {
  const nonsense = Buffer.concat(Array.from({ length: 100 }, () => framed(new Uint8Array(60).fill(0x77))))
  const { socket, closed } = await stranger(PREFIX, nonsense)
  const more = setInterval(() => socket.write(framed(new Uint8Array(60).fill(0x77))), 20)
  await closed
  clearInterval(more)
  t.match(await refusals('tcp-corrupt'), { remote: HERE })
})

t.test('IKE comes up with the connection, and what is sent there comes out', async t => {
  const { socket, closed } = await stranger(PREFIX, framed(Uint8Array.of(0, 0, 0, 0, ...init)))
  const up = await soon(() => said('ike').at(-1), 'IKE')
  t.equal(up.remote.port, socket.localPort)
  t.equal(up.local.port, PORT)
  const { stream } = up.remote
  if (stream === undefined) return t.fail('no connection is named')
  t.equal(stream % 2, 1, 'accepted: odd')
  io.streams.send(stream, Uint8Array.of(9, 9))
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.equal(answer.toString('hex'), '0008000000000909', 'without the prefix: the other end is the originator')
  io.streams.bound(stream)
  io.streams.send(stream, Uint8Array.of(8, 8)) // when it is out, the word before it has been heard
  await once(socket, 'data')
  socket.destroy()
  await closed
  await soon(() => said('stream-closed').find(e => e.stream === stream), 'closed')
  t.equal(said('stream-closed').length, 1, 'the end of a stranger is no news')
})

t.test('RFC 8229 §13: strangers are limited, and one address more than all', async t => {
  const many = await Promise.all(Array.from({ length: 40 }, () => stranger(PREFIX)))
  t.match(await refusals('tcp-limit'), { remote: HERE })
  for (const { socket } of many) socket.destroy()
  await Promise.all(many.map(({ closed }) => closed))
})

t.test('RFC 8229 §13: whoever says nothing is closed', async t => {
  const { closed } = await stranger()
  await closed
  t.match(await refusals('tcp-idle'), { remote: HERE })
})

/** A connection that we begin, and its far end. */
async function ours(t: Test, stream: number, port: number) {
  const server = createServer()
  server.listen(port, HERE)
  await once(server, 'listening')
  t.teardown(() => server.close())
  const accepted = once(server, 'connection') as Promise<[Socket]>
  io.streams.open(stream, { address: HERE, port: 0 }, { address: HERE, port })
  const [socket] = await accepted
  const opened = await soon(() => said('stream-opened').find(e => e.stream === stream), 'opened')
  return { socket, opened }
}

t.test('RFC 9329, RFC 8229 §4: ours begins with the prefix, once; what is closed is told', async t => {
  const { socket, opened } = await ours(t, 2, 7000)
  t.same(opened.remote, { address: HERE, port: 7000 })
  t.equal(opened.local.port, socket.remotePort)
  io.streams.send(2, Uint8Array.of(7))
  let got = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    got = Buffer.concat([got, chunk])
  })
  await soon(() => (got.length >= 13 ? true : undefined), 'the message')
  t.equal(got.toString('hex'), `${PREFIX.toString('hex')}00070000000007`)
  socket.destroy()
  t.match(await soon(() => said('stream-closed').find(e => e.stream === 2), 'closed'), {
    on: 'stream-closed',
  })
})

t.test('RFC 8229 §6: what is left takes what is still under way, and is closed then', async t => {
  const { socket } = await ours(t, 6, 7002)
  const ended = once(socket.resume(), 'end')
  const before = said('ike').length
  io.streams.close(6)
  io.streams.send(6, Uint8Array.of(7)) // when it is out, the word before it has been heard
  await once(socket, 'data')
  socket.write(framed(Uint8Array.of(0, 0, 0, 0, ...init)))
  await soon(() => (said('ike').length > before ? true : undefined), 'IKE')
  await ended
  t.notOk(
    said('stream-closed').some(e => e.stream === 6),
    'its end is no news',
  )
})

t.test('a connection that is refused is told', async t => {
  io.streams.open(4, { address: '0.0.0.0', port: 0 }, { address: HERE, port: 7001 })
  const closed = await soon(() => said('stream-closed').find(e => e.stream === 4), 'refused')
  t.equal(closed.why, 'ECONNREFUSED')
})
