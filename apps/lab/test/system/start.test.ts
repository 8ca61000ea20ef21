/** What keeps bruneld from starting is said at start, with the remedy. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../../src/docs/sources.js'
import { Daemon } from '../../src/net/daemon.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import { Topology } from '../../src/net/topology.js'
import { until } from '../../src/net/until.js'
import { BRUNELD, Bruneld } from '../../src/peers/bruneld.js'
import { cloneInTheOpen } from './clone-in-the-open.js'
import { noLab, owned } from './gear.js'

const AMBIENT = 'cap_net_admin,cap_net_raw,cap_net_bind_service'

t.test('at start', { skip: noLab(), timeout: 600_000 }, async t => {
  const lab = owned(t, await Topology.build())
  const place = lab.at.routerA
  let made = 0
  const bruneld = (wrap: readonly string[] = []): Bruneld =>
    new Bruneld(place, join(lab.folder, `start-${++made}`), { wrap })

  /** Starts it, waits for its end, answers what it said. */
  async function refused(wrap?: readonly string[]): Promise<{ code: number; said: string }> {
    const one = bruneld(wrap)
    const daemon = one.launch()
    const limit = setTimeout(() => daemon.signal('SIGKILL'), 60_000)
    const code = await daemon.exited
    clearTimeout(limit)
    return { code, said: one.log() }
  }

  for (const port of [500, 4500])
    await t.test(`UDP port ${port} is taken`, async t => {
      const script = `socket(S,2,2,0);bind(S,pack("Sna4x8",2,${port},"\\0"x4)) or die $!;$|=1;print "bound\\n";sleep 60`
      const holder = new Daemon(
        'holder',
        place.command('perl', '-e', script),
        join(lab.folder, `holder-${port}`),
      )
      await holder.ready('bound', 30_000, () => holder.output().includes('bound'))
      const { code, said } = await refused()
      await holder.stop('SIGKILL')
      t.not(code, 0)
      t.match(said, /BRUNEL_PORT_TAKEN/)
      t.match(said, new RegExp(`\\b${port}\\b`))
    })

  await t.test('there is no TUN device', async t => {
    const hidden = [
      'unshare',
      '-m',
      '--propagation',
      'private',
      'sh',
      '-c',
      'mount -t tmpfs tmpfs /dev/net && exec "$@"',
      'sh',
    ]
    const { code, said } = await refused(hidden)
    t.not(code, 0)
    t.match(said, /BRUNEL_NO_TUN/)
    t.match(said, /modprobe tun/)
  })

  for (const missing of ['net_admin', 'net_raw'])
    await t.test(`the capability ${missing} is missing`, async t => {
      const { code, said } = await refused([
        'setpriv',
        `--bounding-set=-${missing}`,
        `--inh-caps=-${missing}`,
      ])
      t.not(code, 0)
      t.match(said, /BRUNEL_NO_CAPABILITY/)
      t.match(said, new RegExp(`CAP_${missing.toUpperCase()}`))
    })

  await t.test('IP forwarding is off: it starts, and says so', async t => {
    await place.sysctl({ 'net.ipv4.ip_forward': 0 })
    const one = bruneld()
    await one.start()
    t.match(one.log(), /BRUNEL_FORWARDING_OFF/)
    t.match(one.log(), /sysctl -w net\.ipv4\.ip_forward=1/)
    t.match((await one.api.send('GET', '/v1/health')).text, /BRUNEL_FORWARDING_OFF/)
    await place.sysctl({ 'net.ipv4.ip_forward': 1 })
    t.equal(await one.stop(), 0)
  })

  await t.test('it needs no root, only the capabilities that the systemd unit gives', async t => {
    const stranger = [
      ...cloneInTheOpen(lab.folder),
      ...['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    ]
    const reach = ['sh', '-c', 'test -r "$1" && test -x "$2"', 'sh', BRUNELD, process.execPath]
    if ((await place.run([...stranger, ...reach])).code !== 0) {
      t.pass('', { skip: 'the clone or node can be read by root only' })
      return
    }
    const given = AMBIENT.replaceAll('cap_', '').replaceAll(',', ',+')
    const one = bruneld([
      ...stranger,
      '--no-new-privs',
      ...['inh-caps', 'ambient-caps', 'bounding-set'].map(set => `--${set}=-all,+${given}`),
    ])
    await lab.at.routerA.must(['chmod', '755', lab.folder])
    await lab.at.routerA.must(['chown', '65534:65534', join(lab.folder, `start-${made}`)])
    await one.start()
    await one.api.ask('POST', '/v1/peers', {
      name: 'x',
      remote: { address: '198.51.100.2' },
      auth: { method: 'psk', psk: 'a-secret-of-some-length' },
      tunnel: { interface: 'gre5', addresses: ['10.250.0.1/30'], routes: ['10.50.0.0/16'] },
    })
    await until('interface and route', 30_000, async () => {
      const routes = await place.json<{ dst: string }[]>('route', 'show', 'dev', 'gre5')
      return routes.some(route => route.dst === '10.50.0.0/16')
    })
    t.equal(await one.stop(), 0)
    const links = await place.json<{ ifname: string }[]>('link', 'show')
    t.notOk(
      links.some(link => link.ifname === 'gre5'),
      'SIGTERM removes the interface',
    )
  })

  await t.test('--check verifies the machine and a configuration, opens nothing and stops', async t => {
    const check = (name: string, config: string) => {
      const data = ['--data-dir', join(lab.folder, name), '--check', '--config', config]
      return place.run([...PLAIN_NODE, BRUNELD, ...data], { limit: 60_000 })
    }
    for (const site of ['site-a', 'site-b']) {
      const { code, out, err } = await check(site, join(ROOT, `deploy/docker/${site}.json`))
      t.equal(code, 0, `deploy/docker/${site}.json: ${out}${err}`)
    }
    const bad = join(lab.folder, 'bad.json')
    writeFileSync(
      bad,
      '{"version": 1, "peers": [{"name": "x", "remote": {"address": "1.2.3"}, "auth": {"method": "psk"}}]}',
    )
    const refused = await check('bad', bad)
    t.not(refused.code, 0)
    t.match(refused.out + refused.err, /remote\/address/)
    t.match(refused.out + refused.err, /auth\/psk/)
  })

  await t.test('a configuration file makes peers at start, SIGHUP reads it again', async t => {
    const file = join(lab.folder, 'peers.json')
    const peer = (name: string, gre: string, net: number) => ({
      name,
      remote: { address: `198.51.100.${net}` },
      auth: { method: 'psk', psk: 'a-secret-of-some-length' },
      tunnel: { interface: gre, addresses: [`10.25${net}.0.1/30`], routes: [] },
    })
    writeFileSync(file, JSON.stringify({ version: 1, peers: [peer('one', 'gre1', 1)] }))
    const one = new Bruneld(place, join(lab.folder, 'from-file'), { env: { BRUNEL_CONFIG: file } })
    await one.start()
    lab.cleanup.add('bruneld', () => one.stop())
    t.match(await one.api.ask('GET', '/v1/peers/one'), { name: 'one' })
    writeFileSync(
      file,
      JSON.stringify({ version: 1, peers: [peer('one', 'gre1', 1), peer('two', 'gre2', 2)] }),
    )
    one.signal('SIGHUP')
    await until(
      'the second peer',
      30_000,
      async () => (await one.api.send('GET', '/v1/peers/two')).status === 200,
    )
    const links = await place.json<{ ifname: string }[]>('link', 'show')
    t.ok(links.some(link => link.ifname === 'gre2'))
    t.equal(await one.stop(), 0)
  })
})
