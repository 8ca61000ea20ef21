import t from 'tap'
import { TOKENS } from './fakes.js'
import { branch, serving } from './serving.js'

const routes = [
  ['GET', '/v1/peers', 'read'],
  ['GET', '/v1/peers/x', 'read'],
  ['POST', '/v1/peers', 'admin'],
  ['PUT', '/v1/peers/x', 'admin'],
  ['PATCH', '/v1/peers/x', 'admin'],
  ['DELETE', '/v1/peers/x', 'admin'],
  ['GET', '/v1/tunnels', 'read'],
  ['GET', '/v1/tunnels/branch-7', 'read'],
  ['POST', '/v1/tunnels/branch-7/up', 'admin'],
  ['POST', '/v1/tunnels/branch-7/down', 'admin'],
  ['POST', '/v1/tunnels/branch-7/rekey', 'admin'],
  ['POST', '/v1/tunnels/branch-7/reauthenticate', 'admin'],
  ['POST', '/v1/tunnels/branch-7/ping', 'admin'],
  ['GET', '/v1/drops', 'read'],
  ['GET', '/v1/audit', 'admin'],
  ['GET', '/v1/tokens', 'admin'],
  ['POST', '/v1/tokens', 'admin'],
  ['DELETE', '/v1/tokens/x', 'admin'],
  ['GET', '/v1/health', 'read'],
  ['GET', '/metrics', 'metrics'],
] as const

const rank = { none: 0, metrics: 1, read: 2, admin: 3 }
for (const [method, path, needed] of routes) {
  t.test(`${method} ${path} needs the role ${needed}`, async t => {
    const { send } = await serving(t)
    t.match(await send(method, path, undefined, { authorization: '' }), {
      status: 401,
      body: { code: 'BRUNEL_API_UNAUTHENTICATED' },
    })
    for (const role of ['metrics', 'read', 'admin'] as const) {
      const { status } = await send(method, path, undefined, { authorization: `Bearer ${TOKENS[role]}` })
      if (rank[role] < rank[needed]) t.equal(status, 403, role)
      else t.notOk([401, 403].includes(status), role)
    }
  })
}

t.test('the token is a bearer token and nothing else', async t => {
  const { send } = await serving(t)
  for (const authorization of [
    'token-a',
    'Basic token-a',
    'Bearer',
    'Bearer ',
    'Bearer token-b',
    'Bearer token-a extra',
  ]) {
    const answer = await send('GET', '/v1/peers', undefined, { authorization })
    t.equal(answer.status, 401, authorization)
    t.equal(answer.headers['www-authenticate'], 'Bearer')
    t.notMatch(answer.text, 'token-b')
  }
  t.equal((await send('GET', '/v1/peers?token=token-a', undefined, { authorization: '' })).status, 401)
})

t.test('whether the process lives and is ready, and what the API is, may be asked by anybody', async t => {
  const { send, router } = await serving(t)
  for (const path of ['/healthz', '/readyz', '/openapi.json', '/docs', '/docs/static/swagger-ui.css']) {
    t.equal((await send('GET', path, undefined, { authorization: '' })).status, 200, path)
  }
  router.ready = false
  t.match(await send('GET', '/readyz'), { status: 503, body: { code: 'BRUNEL_API_BUSY' } })
  t.equal((await send('GET', '/healthz')).status, 200)
})

t.test('failed tries are limited, a valid token is not, and the limit ends', async t => {
  let now = 0
  const { send } = await serving(t, () => now)
  const guess = () => send('GET', '/v1/peers', undefined, { authorization: 'Bearer guess' })
  for (let i = 0; i < 10; i++) t.equal((await guess()).status, 401)
  now = 20_000
  const limited = await guess()
  t.match(limited, { status: 429, body: { code: 'BRUNEL_API_TOO_MANY' } })
  t.equal(limited.headers['retry-after'], '40')
  t.equal((await send('GET', '/v1/peers')).status, 200)
  now = 60_001
  t.equal((await guess()).status, 401)
})

for (const [what, headers, status] of [
  ['no origin', {}, 200],
  ['the own origin', { host: 'router:8470', origin: 'http://router:8470' }, 200],
  ['another origin', { host: 'router:8470', origin: 'http://evil.example' }, 403],
  ['another port', { host: 'router:8470', origin: 'http://router:80' }, 403],
  ['an opaque origin', { origin: 'null' }, 403],
  ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 403],
  ['a typed address', { 'sec-fetch-site': 'none' }, 200],
] as const) {
  t.test(
    `a browser with ${what} is ${status === 200 ? 'served' : 'refused'}, also with a valid token`,
    async t => {
      const { send } = await serving(t)
      const answer = await send('GET', '/v1/peers', undefined, headers)
      t.equal(answer.status, status)
      t.equal(answer.headers['access-control-allow-origin'], undefined)
      if (status === 403) t.equal(answer.body.code, 'BRUNEL_API_CROSS_ORIGIN')
    },
  )
}

t.test('tokens are made, listed without their secrets, and removed; each is audited', async t => {
  const { send, audit } = await serving(t)
  const made = await send('POST', '/v1/tokens', { name: 'prom', role: 'metrics' })
  t.match(made, { status: 201, body: { name: 'prom', role: 'metrics', token: 'made-prom' } })
  t.equal((await send('GET', '/metrics', undefined, { authorization: 'Bearer made-prom' })).status, 200)
  t.equal((await send('POST', '/v1/tokens', { name: 'prom', role: 'read' })).status, 409)
  const list = await send('GET', '/v1/tokens')
  t.equal(list.body.length, 4)
  t.notMatch(list.text, 'made-prom')
  t.equal((await send('DELETE', '/v1/tokens/prom')).status, 204)
  t.equal((await send('DELETE', '/v1/tokens/prom')).status, 404)
  t.match(await send('DELETE', '/v1/tokens/admin'), { status: 409, body: { code: 'BRUNEL_API_LAST_ADMIN' } })
  t.same(
    audit.records.map(({ action }) => action),
    ['token-remove', 'token-add'],
  )
  const bad = await send('POST', '/v1/tokens', { name: 'a b', role: 'god', more: 1 })
  t.equal(bad.status, 422)
  t.same(bad.body.errors.map(({ pointer }: { pointer: string }) => pointer).sort(), [
    '/more',
    '/name',
    '/role',
  ])
})

t.test('the headers of helmet are there, and nothing is cached', async t => {
  const { send } = await serving(t)
  const { headers } = await send('POST', '/v1/peers', branch(1))
  t.equal(headers['x-content-type-options'], 'nosniff')
  t.match(headers['content-security-policy'], "default-src 'self'")
  t.equal(headers['cache-control'], 'no-store')
})
