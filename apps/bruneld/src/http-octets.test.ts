import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { httpOctets, MOST_OCTETS } from './http-octets.js'

/** A server on loopback, and the address of it. */
async function serve(t: { teardown(f: () => void): void }, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('octets come as they are; a body is posted as an OCSP request (RFC 6960 Appendix A.1)', async t => {
  const url = await serve(t, (request, response) => {
    const { method } = request
    if (method === 'GET') return response.end(Buffer.from([0, 255]))
    t.equal(request.headers['content-type'], 'application/ocsp-request')
    return request.pipe(response)
  })
  t.same([...(await httpOctets(url))], [0, 255])
  t.same([...(await httpOctets(url, Uint8Array.of(1, 2)))], [1, 2])
})

t.test('a redirect is followed three times, to plain HTTP only', async t => {
  const url = await serve(t, ({ url: path }, response) => {
    const n = Number(path?.slice(1))
    if (n === 0) return response.end('x')
    return response.writeHead(302, { location: n === 9 ? 'https://127.0.0.1/' : `/${n - 1}` }).end()
  })
  t.equal((await httpOctets(`${url}/3`)).length, 1)
  await t.rejects(httpOctets(`${url}/4`), /more than 3 redirects/)
  await t.rejects(httpOctets(`${url}/9`), /not plain HTTP/)
  await t.rejects(httpOctets('file:///etc/passwd'), /not plain HTTP/)
})

t.test('what goes wrong is told in words: status, refusal, too much', async t => {
  const url = await serve(t, ({ url: path }, response) => {
    if (path === '/404') return response.writeHead(404).end()
    response.on('error', () => undefined)
    return response.end(Buffer.alloc(MOST_OCTETS + 1))
  })
  await t.rejects(httpOctets(`${url}/404`), /HTTP 404/)
  await t.rejects(httpOctets(`${url}/much`), /more than 8192 KiB/)
  await t.rejects(httpOctets(`${url}/much`, undefined, 1024), /more than 1 KiB/)
  await t.rejects(httpOctets('http://127.0.0.1:1/'), /ECONNREFUSED|bad port/)
})
