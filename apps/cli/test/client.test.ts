import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { run } from './terminal.js'

/** A server that answers what no bruneld would. */
async function answering(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as { port: number }).port}`
}

const env = { BRUNEL_TOKEN: 'token' }

t.test('a request carries the token, a body its length, and a prefix of the URL is kept', async t => {
  const seen: unknown[] = []
  const url = await answering(t, (request, response) => {
    seen.push([request.method, request.url, request.headers.authorization])
    response.end('[]')
  })
  t.equal((await run(['--url', `${url}/brunel/`, 'peer', 'list'], { env })).exit, 0)
  t.same(seen, [['GET', '/brunel/v1/peers', 'Bearer token']])
})

t.test('names are escaped in paths', async t => {
  let path: string | undefined
  const url = await answering(t, (request, response) => {
    path = request.url
    response.writeHead(204).end()
  })
  t.equal((await run(['--url', url, 'peer', 'remove', '../tokens/a b'], { env })).exit, 0)
  t.equal(path, '/v1/peers/..%2Ftokens%2Fa%20b')
})

t.test('what is not bruneld is told so', async t => {
  const page = await answering(t, (_request, response) => response.writeHead(404).end('<html>'))
  t.match(await run(['--url', page, 'drops'], { env }), { exit: 1, err: /answered 404, and not in JSON/ })
  const ok = await answering(t, (_request, response) => response.end('<html>'))
  t.match(await run(['--url', ok, 'drops'], { env }), { exit: 1, err: /not JSON/ })
})

t.test('a router that is busy is asked again for a while, one that says not for how long is not', async t => {
  const problem = JSON.stringify({ code: 'BRUNEL_API_BUSY', detail: 'No time.' })
  for (const [refusals, headers, asked, exit] of [
    [3, { 'retry-after': '10' }, 4, 0],
    [99, { 'retry-after': '10' }, 11, 1],
    [99, {}, 1, 1],
  ] as const) {
    let count = 0
    const url = await answering(t, (_request, response) => {
      if (count++ < refusals) response.writeHead(503, headers).end(problem)
      else response.end('[]')
    })
    t.match(await run(['--url', url, 'peer', 'list'], { env }), { exit, err: exit === 0 ? '' : /No time/ })
    t.equal(count, asked)
  }
})

t.test('nobody there: the exit code and the remedy', async t => {
  t.match(await run(['--url', 'http://127.0.0.1:1', 'drops'], { env }), {
    exit: 3,
    err: /does not answer.*\n {2}Start bruneld/,
  })
  t.match(await run(['--socket', '/nowhere/bruneld.sock', 'drops'], { env }), { exit: 3, err: /ENOENT/ })
})

t.test('a command line that makes no sense', async t => {
  t.equal((await run(['frobnicate'])).exit, 2)
  t.equal((await run(['peer', 'show'])).exit, 2)
  t.equal((await run(['--url', 'ftp://x', 'drops'])).exit, 2)
  t.match(await run(['peer', 'add'], { env }), { exit: 2, err: /no peer to add/ })
  t.match(await run(['peer', 'edit', 'x', 'f', '--mtu', '1400'], { env }), { exit: 2, err: /not both/ })
  t.match(await run(['peer', 'add', 'gone.json'], { env }), { exit: 2, err: /cannot be read/ })
  t.equal((await run(['--help'])).exit, 0)
})
