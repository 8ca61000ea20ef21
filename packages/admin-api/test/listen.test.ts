import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { createAdminApi, listen } from '../src/index.js'
import { fakePorts, TOKENS } from './fakes.js'

async function opened(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'brunel-api-'))
  const socket = join(directory, 'bruneld.sock')
  const ports = fakePorts()
  const app = await createAdminApi({ ...ports, version: '0.1.0' })
  t.teardown(async () => {
    await app.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { app, socket, ...ports }
}

const headers = { authorization: `Bearer ${TOKENS.read}` }

async function asked(options: { socketPath: string } | { host: string; port: string }, path: string) {
  const [answer] = (await once(get({ ...options, path, headers }), 'response')) as [IncomingMessage]
  return answer
}

t.test('the API answers over TCP and over a socket that only its owner opens, and both go away', async t => {
  const { app, socket } = await opened(t)
  const doors = await listen(app, { tcp: { host: '127.0.0.1', port: 0 }, socket })
  const { hostname, port } = new URL(doors.url ?? '')
  t.equal((await asked({ host: hostname, port }, '/v1/peers')).statusCode, 200)
  t.equal(await text(await asked({ socketPath: socket }, '/healthz')), '{"status":"ok"}')
  t.equal(statSync(socket).mode & 0o777, 0o600)
  await doors.close()
  t.notOk(existsSync(socket))
  await t.rejects(asked({ host: hostname, port }, '/healthz'), { code: 'ECONNREFUSED' })
})

t.test('a socket that a killed process left is replaced; one that answers is not', async t => {
  const [first, second] = [await opened(t), await opened(t)]
  writeFileSync(first.socket, '')
  const doors = await listen(first.app, { socket: first.socket })
  await t.rejects(listen(second.app, { socket: first.socket }), {
    code: 'BRUNEL_API_LISTEN',
    remedy: /--socket/,
  })
  t.ok(existsSync(first.socket))
  await doors.close()
})

t.test('a port that is taken is named with the remedy', async t => {
  const { app } = await opened(t)
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as { port: number }
  const tcp = { host: '127.0.0.1', port }
  await t.rejects(listen(app, { tcp }), {
    code: 'BRUNEL_API_LISTEN',
    message: /another process/,
    remedy: /--listen/,
  })
})

t.test('events stream to every reader, and the reader is forgotten when it leaves', async t => {
  const { app, socket, router } = await opened(t)
  const doors = await listen(app, { socket })
  const reader = await asked({ socketPath: socket }, '/v1/events')
  t.match(reader.headers['content-type'], 'text/event-stream')
  const chunks = reader.setEncoding('utf8')[Symbol.asyncIterator]()
  t.equal((await chunks.next()).value, ': connected\n\n')
  router.tell('ike-up')
  t.match((await chunks.next()).value, /^event: ike-up\ndata: \{.*"tunnel":"branch-7".*\}\n\n$/)
  t.equal(router.listeners.size, 1)
  reader.destroy()
  await t.resolves(
    (async () => {
      while (router.listeners.size > 0) await new Promise(resolve => setImmediate(resolve))
    })(),
  )
  const last = await asked({ socketPath: socket }, '/v1/events')
  last.resume()
  await Promise.all([once(last, 'close'), doors.close()])
  t.equal(router.listeners.size, 0)
})
