/** `brunel` against a running `bruneld`: two sites connected by hand, as an operator would. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type Ran, run } from '../../src/net/command.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import { ADDRESSES, type Side } from '../../src/net/topology.js'
import { ping } from '../../src/net/traffic.js'
import { pause, until } from '../../src/net/until.js'
import { BUSY } from '../../src/peers/api-client.js'
import { BRUNEL } from '../../src/peers/bruneld.js'
import { far, id, PSK } from '../../src/peers/peer-document.js'
import { tunnelName } from '../../src/sites.js'
import { noLab, twoSites } from './gear.js'

t.test('brunel', { skip: noLab(), timeout: 600_000 }, async t => {
  const sites = await twoSites(t)
  const { hostA } = sites.topology.at
  const once = (side: Side, ...args: readonly string[]): Promise<Ran> =>
    run([...PLAIN_NODE, BRUNEL, '--data-dir', sites.routers[side].dataDir, ...args], { limit: 60_000 })
  /** A router that is busy for the moment is asked again, as it says. */
  const brunel = async (side: Side, ...args: readonly string[]): Promise<Ran> => {
    for (let tries = 1; ; tries++) {
      const ran = await once(side, ...args)
      if (tries === 20 || !`${ran.out}${ran.err}`.includes(BUSY)) return ran
      await pause(500)
    }
  }
  const json = async (side: Side, ...args: readonly string[]): Promise<unknown> => {
    const { code, out, err } = await brunel(side, '--json', ...args)
    if (code !== 0) throw new Error(`brunel ${args.join(' ')}: ${code} ${out}${err}`)
    return JSON.parse(out)
  }
  const pskFile = join(sites.topology.folder, 'psk')
  writeFileSync(pskFile, `${PSK}\n`, { mode: 0o600 })

  await t.test('peer add connects two sites', async t => {
    for (const side of ['A', 'B'] as const) {
      const { code, err } = await brunel(
        side,
        ...['peer', 'add', tunnelName(side), '--psk-file', pskFile, '--interface', 'gre1', '--gre-key', '5'],
        ...['--local', ADDRESSES.wan[side][4], '--local-id', id(side)],
        ...['--remote', ADDRESSES.wan[far(side)][4], '--remote-id', id(far(side))],
        ...['--address', `${ADDRESSES.tunnel[side][4]}/30`, '--route', ADDRESSES.site[far(side)][4]],
      )
      t.equal(code, 0, err)
    }
    await until('ping', 30_000, async () => (await ping(hostA, ADDRESSES.host.B[4])).received === 1)
    await sites.settled()
  })

  await t.test('status shows it, to people and to machines', async t => {
    const { code, out } = await brunel('A', 'status')
    t.equal(code, 0)
    t.match(out, /site-b/)
    t.match(out, /\bup\b/)
    t.match((await brunel('A', 'status', 'site-b')).out, /1418|MTU/, 'one tunnel in detail')
    t.match(JSON.stringify(await json('A', 'status')), /"state":"up"/)
    t.equal((await brunel('A', 'status', '--check')).code, 0)
  })

  await t.test('peer show hides the secret; peer edit changes one thing', async t => {
    const shown = await json('A', 'peer', 'show', 'site-b')
    t.match(shown, { name: 'site-b', gre: { key: 5 } })
    t.notOk(JSON.stringify(shown).includes(PSK))
    const both = await Promise.all(
      (['A', 'B'] as const).map(side =>
        brunel(side, 'peer', 'edit', tunnelName(side), '--encapsulation', 'udp'),
      ),
    )
    t.same(
      both.map(one => one.code),
      [0, 0],
      both.map(one => one.err).join(),
    )
    await until('in UDP', 30_000, async () => {
      const { ike } = await sites.routers.A.api.tunnel('site-b')
      return ike[0]?.children[0]?.encapsulation === 'udp'
    })
    await sites.settled()
    await until('ping', 30_000, async () => (await ping(hostA, ADDRESSES.host.B[4])).received === 1)
  })

  await t.test('tunnel rekey, down and up', async t => {
    t.equal((await brunel('A', 'tunnel', 'rekey', 'site-b')).code, 0)
    t.equal((await brunel('A', 'tunnel', 'down', 'site-b')).code, 0)
    t.equal((await ping(hostA, ADDRESSES.host.B[4])).received, 0)
    t.not((await brunel('A', 'status', '--check')).code, 0)
    t.equal((await brunel('A', 'tunnel', 'up', 'site-b')).code, 0)
    await until('ping', 30_000, async () => (await ping(hostA, ADDRESSES.host.B[4])).received === 1)
    t.match(await json('A', 'tunnel', 'ping', 'site-b'), { done: true })
  })

  await t.test('token and drops', async t => {
    const made = JSON.stringify(await json('A', 'token', 'add', 'scraper', '--role', 'metrics'))
    const secret = /"token":"([^"]+)"/.exec(made)?.[1] ?? ''
    const { api } = sites.routers.A
    const asScraper = { authorization: `Bearer ${secret}` }
    t.equal((await api.send('GET', '/metrics', undefined, asScraper)).status, 200)
    t.equal(
      (await api.send('GET', '/v1/peers', undefined, asScraper)).status,
      403,
      'a metrics token reads nothing else',
    )
    t.match(JSON.stringify(await json('A', 'token', 'list')), /scraper/)
    t.equal((await brunel('A', 'token', 'remove', 'scraper')).code, 0)
    t.equal((await api.send('GET', '/metrics', undefined, asScraper)).status, 401)
    t.match(await json('A', 'drops'), /./)
    t.equal((await brunel('A', 'drops')).code, 0)
  })

  await t.test('peer remove leaves nothing', async t => {
    t.equal((await brunel('A', 'peer', 'remove', 'site-b')).code, 0)
    t.not((await brunel('A', 'peer', 'show', 'site-b')).code, 0)
    const links = await sites.topology.at.routerA.json<{ ifname: string }[]>('link', 'show')
    t.notOk(links.some(link => link.ifname === 'gre1'))
  })
})
