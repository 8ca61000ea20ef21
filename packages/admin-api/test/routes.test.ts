import t from 'tap'
import { ACTIONS } from '../src/index.js'
import { failedReport, relayReport, tunnelRelay, tunnelReport } from './fakes.js'
import { branch, serving } from './serving.js'

t.test('tunnels come as the router tells them', async t => {
  const { send, router } = await serving(t)
  router.reports = [tunnelReport('branch-7'), failedReport('branch-8')]
  t.same((await send('GET', '/v1/tunnels')).body, router.reports)
  t.same((await send('GET', '/v1/tunnels/branch-8')).body, router.reports[1])
  t.match(await send('GET', '/v1/tunnels/branch-9'), { status: 404, body: { code: 'BRUNEL_API_NOT_FOUND' } })
})

t.test('a field that the report does not name never leaves', async t => {
  const { send, router } = await serving(t)
  const report = {
    ...tunnelReport('branch-7'),
    psk: 'leak',
    layers: { ...tunnelReport('x').layers, key: 'leak' },
  }
  router.reports = [report]
  t.notMatch((await send('GET', '/v1/tunnels')).text, 'leak')
})

t.test(
  'the relay of each LAN interface comes as the router tells it, and that of a tunnel with it',
  async t => {
    const { send, router } = await serving(t)
    t.same((await send('GET', '/v1/relay')).body, [])
    router.relayReports = [relayReport(), relayReport({ interface: 'eth2', neighbours: [], findings: [] })]
    t.same((await send('GET', '/v1/relay')).body, router.relayReports)
    router.reports = [tunnelReport('branch-7', { relay: tunnelRelay() })]
    t.same((await send('GET', '/v1/tunnels/branch-7')).body.relay, tunnelRelay())
  },
)

for (const action of ACTIONS) {
  t.test(`the action ${action} says what happened`, async t => {
    const { send, audit } = await serving(t)
    const answer = await send('POST', `/v1/tunnels/branch-7/${action}`)
    if (action === 'reauthenticate') {
      t.match(answer, {
        status: 501,
        body: { code: 'BRUNEL_ACTION_NOT_AVAILABLE', remedy: 'Take the tunnel down and up.' },
      })
      t.same(audit.records, [])
    } else {
      t.match(answer, {
        status: 200,
        body: { done: true, detail: `${action} is done.`, data: { milliseconds: 3 } },
      })
      t.match(audit.records, [{ action: `tunnel-${action}`, what: 'branch-7' }])
    }
    t.equal((await send('POST', `/v1/tunnels/branch-9/${action}`)).status, 404)
  })
}

t.test('drops come with their meaning', async t => {
  const { send } = await serving(t)
  t.match((await send('GET', '/v1/drops')).body, [
    { reason: 'esp-replay', direction: 'inbound', count: 3, meaning: /RFC 4303/ },
    { reason: 'gre-loop', direction: 'outbound', count: 0, meaning: /RFC 2003/ },
  ])
})

t.test('the audit log is read in pages, newest first', async t => {
  const { send } = await serving(t)
  for (const n of [1, 2, 3]) await send('POST', '/v1/peers', branch(n))
  const first = await send('GET', '/v1/audit?limit=2')
  t.same(
    first.body.map(({ what }: { what: string }) => what),
    ['branch-3', 'branch-2'],
  )
  const next = await send('GET', `/v1/audit?before=${first.body[1].id}`)
  t.same(
    next.body.map(({ what }: { what: string }) => what),
    ['branch-1'],
  )
  t.equal((await send('GET', '/v1/audit?limit=0')).status, 400)
  t.equal((await send('GET', '/v1/audit?limit=x')).status, 400)
})

t.test('metrics are text, health has the version and the warnings', async t => {
  const { send, router } = await serving(t)
  const metrics = await send('GET', '/metrics')
  t.equal(metrics.text, 'brunel_bugs_total 0\n')
  t.match(metrics.headers['content-type'], /^text\/plain; version=0.0.4/)
  router.warnings = [{ code: 'BRUNEL_IP_FORWARDING', detail: 'Forwarding is off.', remedy: 'sysctl' }]
  t.same((await send('GET', '/v1/health')).body, { version: '0.1.0', ready: true, warnings: router.warnings })
})

t.test('the OpenAPI document describes every route, its faults and its parameters', async t => {
  const { send } = await serving(t)
  const { body } = await send('GET', '/openapi.json')
  t.equal(body.openapi, '3.1.0')
  const operations = Object.entries<Record<string, unknown>>(body.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map(method => `${method} ${path}`),
  )
  t.same(operations.sort(), [
    'delete /v1/peers/{name}',
    'delete /v1/tokens/{name}',
    'get /healthz',
    'get /metrics',
    'get /readyz',
    'get /v1/audit',
    'get /v1/drops',
    'get /v1/events',
    'get /v1/health',
    'get /v1/peers',
    'get /v1/peers/{name}',
    'get /v1/relay',
    'get /v1/tokens',
    'get /v1/tunnels',
    'get /v1/tunnels/{name}',
    'patch /v1/peers/{name}',
    'post /v1/peers',
    'post /v1/tokens',
    ...ACTIONS.map(action => `post /v1/tunnels/{name}/${action}`).sort(),
    'put /v1/peers/{name}',
  ])
  const relay = body.paths['/v1/relay'].get.responses['200'].content['application/json'].schema.items
  t.match(relay.properties.findings.items.properties, {
    code: {},
    sentence: {},
    remedy: {},
    sides: {},
    since: {},
  })
  const create = body.paths['/v1/peers'].post
  t.same(Object.keys(create.responses), ['201', '4XX', '5XX'])
  t.equal(
    create.requestBody.content['application/json'].schema.properties.auth.properties.psk.writeOnly,
    true,
  )
  t.equal(body.components.securitySchemes.token.scheme, 'bearer')
  t.notMatch(JSON.stringify(create.responses['201']), 'psk":{')
})

t.test('the documentation is a page whose scripts its policy allows', async t => {
  const { app } = await serving(t)
  const page = await app.inject({ url: '/docs/' })
  t.match(page.body, 'swagger-ui')
  const policy = String(page.headers['content-security-policy'])
  t.match(policy, /script-src 'self'/)
  t.notMatch(policy, 'upgrade-insecure-requests')
  for (const [, source] of page.body.matchAll(/<script src="\.\/([^"]+)"/g)) {
    t.equal((await app.inject({ url: `/docs/${source}` })).statusCode, 200, String(source))
  }
})

for (const [what, payload, type, status, detail] of [
  [
    'JSON that breaks off',
    '{"name": "x",\n "a" 1}',
    'application/json',
    400,
    /not JSON, at line 2, column 6\./,
  ],
  ['a blank body', ' ', 'application/json', 400, /empty/],
  ['a forbidden member', '{"__proto__": {"a": 1}}', 'application/json', 400, /not JSON\./],
  ['a form', 'name=x', 'application/x-www-form-urlencoded', 415, /not marked as JSON/],
  ['text', 'x', 'text/plain', 415, /not marked as JSON/],
] as const) {
  t.test(`${what} is refused in words`, async t => {
    const { send } = await serving(t)
    const answer = await send('POST', '/v1/peers', payload, { 'content-type': type })
    t.match(answer, { status, body: { code: 'BRUNEL_API_BAD_JSON', detail, remedy: /\S/ } })
  })
}

t.test('an action needs no body, also where the request is marked as JSON; a peer does', async t => {
  const { send } = await serving(t)
  const json = { 'content-type': 'application/json' }
  t.equal((await send('POST', '/v1/tunnels/branch-7/up', '', json)).status, 200)
  t.match(await send('POST', '/v1/peers', '', json), { status: 422, body: { errors: [{ pointer: '' }] } })
})

t.test('a body that is too large is refused', async t => {
  const { send } = await serving(t)
  const answer = await send('POST', '/v1/peers', branch(1, { more: 'x'.repeat(2 << 20) }))
  t.match(answer, { status: 413, body: { code: 'BRUNEL_API_BAD_REQUEST' } })
})

t.test('a path that is not there, and what a broken port says, are problems too', async t => {
  const { send, router, log } = await serving(t)
  t.match(await send('GET', '/v2/peers'), {
    status: 404,
    body: { code: 'BRUNEL_API_NOT_FOUND', detail: /GET \/v2\/peers/ },
  })
  router.drops = () => Promise.reject(new Error('the inside of the router'))
  const answer = await send('GET', '/v1/drops')
  t.match(answer, { status: 500, body: { code: 'BRUNEL_API_INTERNAL' } })
  t.notMatch(answer.text, 'inside')
  t.match(log.join(), 'the inside of the router')
})
