/** What goes wrong is said in plain words: which it is, what both sides want, and what to change. */
import { join } from 'node:path'
import t from 'tap'
import { until } from '../../src/net/until.js'
import { peerDocument } from '../../src/peers/peer-document.js'
import { tunnelName, type Wishes } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

t.test('two routers that cannot agree', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { A, B } = sites.routers
  const cases: readonly { title: string; A?: Wishes; B?: Wishes; says: RegExp; evidence?: RegExp }[] = [
    {
      title: 'the pre-shared keys differ',
      A: { psk: 'one-of-the-two-keys' },
      B: { psk: 'the-other-of-two-keys' },
      says: /pre-shared key|psk/i,
    },
    {
      title: 'no IKE proposal in common',
      A: { ike: ['aes256gcm16-prfsha384-ecp384'] },
      B: { ike: ['aes128-sha256-modp2048'] },
      says: /propos/i,
      evidence: /ecp384[\s\S]*modp2048|modp2048[\s\S]*ecp384|ecp384|modp2048/i,
    },
    {
      title: 'no ESP proposal in common',
      A: { esp: ['aes256gcm16'] },
      B: { esp: ['chacha20poly1305'] },
      says: /propos/i,
      evidence: /chacha20poly1305|aes256gcm16/i,
    },
  ]
  for (const { title, says, evidence, ...only } of cases)
    await t.test(title, async t => {
      await sites.connect({}, only)
      for (const side of ['A', 'B'] as const) {
        const failure = await until(`router ${side} says why`, 30_000, async () => {
          const { lastFailure, state } = await sites.routers[side].api.tunnel(tunnelName(side))
          return state !== 'up' && lastFailure !== null ? lastFailure : undefined
        })
        t.match(failure.sentence + failure.remedy, says, `router ${side}: ${failure.sentence}`)
        t.match(failure.code, /^BRUNEL_[A-Z0-9_]+$/)
        t.not(failure.remedy, '', `router ${side} says what to change: ${failure.remedy}`)
        if (evidence !== undefined) t.match(JSON.stringify(failure), evidence, 'the offers are shown')
        t.match(sites.routers[side].log(), new RegExp(failure.code), `the log of ${side} says it too`)
      }
    })

  await t.test('the identity is not the expected one', async t => {
    const wrong = (side: 'A' | 'B') => {
      const document = peerDocument({ side }) as { local: { id: string } }
      return side === 'B' ? { ...document, local: { ...document.local, id: 'stranger.lab' } } : document
    }
    for (const side of ['A', 'B'] as const) {
      await sites.routers[side].api.send('DELETE', `/v1/peers/${tunnelName(side)}`)
      await sites.routers[side].api.ask('POST', '/v1/peers', wrong(side))
    }
    // Who sees the wrong name says so; the other one only hears a refusal.
    const failure = await until('a router names both identities', 30_000, async () => {
      const failures = [
        (await A.api.tunnel('site-b')).lastFailure,
        (await B.api.tunnel('site-a')).lastFailure,
      ]
      const whole = failures.find(one =>
        ['stranger.lab', 'site-b.lab'].every(name => JSON.stringify(one).includes(name)),
      )
      return whole ?? undefined
    })
    t.match(JSON.stringify(failure), /site-b\.lab/, failure.sentence)
    t.match(failure.sentence + failure.remedy, /ident|\.id\b/i)
    for (const side of ['A', 'B'] as const)
      t.not((await sites.routers[side].api.tunnel(tunnelName(side))).state, 'up')
  })

  await t.test('documents that make no sense are refused whole, with every problem at once', async t => {
    const bad = {
      name: 'bad peer!',
      remote: { address: '300.1.2.3' },
      auth: { method: 'psk', psk: '' },
      tunnel: {
        interface: 'a-name-longer-than-fifteen',
        addresses: ['10.0.0.1/99'],
        routes: ['not-a-network'],
      },
    }
    const { status, headers, text } = await A.api.send('POST', '/v1/peers', bad)
    t.equal(status, 422, text)
    t.match(headers['content-type'], /application\/problem\+json/)
    const pointers = [...text.matchAll(/"pointer":"([^"]*)"/g)].map(found => found[1])
    for (const at of [
      '/name',
      '/remote/address',
      '/tunnel/interface',
      '/tunnel/addresses/0',
      '/tunnel/routes/0',
    ])
      t.ok(pointers.includes(at), `${at} is among ${pointers.join(' ')}`)
    t.equal((await A.api.send('GET', '/v1/peers/bad%20peer!')).status, 404, 'nothing is stored')

    const half = await A.api.send('POST', '/v1/peers', '{"name": "x", ')
    t.equal(half.status, 400, half.text)
    t.match(half.text, /BRUNEL_/)

    const clash = { ...peerDocument({ side: 'A', name: 'second' }), remote: { address: '203.0.113.9' } }
    const answer = await A.api.send('POST', '/v1/peers', clash)
    t.equal(answer.status, 422, answer.text)
    t.match(answer.text, /gre1/, 'a duplicate interface name is named')
    t.match(answer.text, /10\.2\.0\.0\/24|10\.255\.0/, 'overlapping networks are named')
  })

  await t.test('a token that is not one is refused', async t => {
    const answer = await A.api.send('GET', '/v1/peers', undefined, { authorization: 'Bearer nonsense' })
    t.equal(answer.status, 401)
    t.match(answer.headers['content-type'], /application\/problem\+json/)
  })

  await t.test('a change to one peer leaves the other tunnels alone', async t => {
    await sites.connect()
    await sites.settled()
    const before = (await A.api.tunnel('site-b')).ike[0]?.children[0]?.spiIn
    const other = {
      name: 'elsewhere',
      remote: { address: '203.0.113.9' },
      auth: { method: 'psk', psk: 'another-secret-for-elsewhere' },
      tunnel: { interface: 'gre9', addresses: ['10.254.0.1/30'], routes: ['10.9.0.0/16'] },
    }
    await A.api.ask('POST', '/v1/peers', other)
    await until(
      'the new peer negotiates',
      30_000,
      async () => (await A.api.tunnel('elsewhere')).state === 'negotiating',
      50,
    )
    await A.api.ask('PATCH', '/v1/peers/elsewhere', { tunnel: { routes: ['10.10.0.0/16'] } })
    await A.api.ask('DELETE', '/v1/peers/elsewhere')
    const links = await sites.topology.at.routerA.json<{ ifname: string }[]>('link', 'show')
    t.same(
      links.map(link => link.ifname).filter(name => name.startsWith('gre')),
      ['gre1'],
    )
    t.equal((await A.api.tunnel('site-b')).ike[0]?.children[0]?.spiIn, before)
    t.equal(B.running, true)
    t.ok(join(A.dataDir, 'x'))
  })
})
