import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { createAdminApi, listen } from '@brunel/admin-api'
import { failedReport, fakePorts, TOKENS, tunnelReport } from '@brunel/admin-api/fakes'
import t, { type Test } from 'tap'
import { run, type Setting } from './terminal.js'

/** The real API over fake ports, behind a unix socket; the command line finds it by its data directory. */
async function served(t: Test) {
  const directory = mkdtempSync(join(tmpdir(), 'brunel-cli-'))
  const ports = fakePorts()
  const app = await createAdminApi({ ...ports, version: '0.1.0' })
  const doors = await listen(app, {
    tcp: { host: '127.0.0.1', port: 0 },
    socket: join(directory, 'bruneld.sock'),
  })
  t.teardown(async () => {
    await doors.close()
    rmSync(directory, { recursive: true, force: true })
  })
  const brunel = (line: string, setting: Setting = {}) =>
    run(['--data-dir', directory, ...line.split(' ')], {
      ...setting,
      files: { [join(directory, 'admin.token')]: `${TOKENS.admin}\n`, ...setting.files },
    })
  return { ...ports, directory, url: doors.url ?? '', brunel }
}

const SECRET = 'correct horse battery staple'
const document = {
  name: 'branch-1',
  remote: { address: '198.51.100.1' },
  auth: { method: 'psk', psk: SECRET },
}

t.test('status is a table, and what is not up says why and what to do', async t => {
  const { brunel, router } = await served(t)
  router.reports = [tunnelReport('branch-7'), failedReport('branch-8')]
  router.warnings = [{ code: 'BRUNEL_IP_FORWARDING', detail: 'Forwarding is off.', remedy: 'Run sysctl.' }]
  const { exit, out, err } = await brunel('status')
  t.equal(exit, 0)
  t.match(out.split('\n')[1], /^branch-7 +up +gre7 +198\.51\.100\.7 +1414 +10\.0 KiB +10\.0 KiB +10m ago$/)
  t.match(
    out,
    'The peer has another pre-shared key. (BRUNEL_IKE_AUTHENTICATION_FAILED)\n  Write the same auth.psk',
  )
  t.equal(err, 'brunel: warning: Forwarding is off. (BRUNEL_IP_FORWARDING)\n  Run sysctl.')
})

t.test(
  'status of one tunnel shows layers, SAs, counters, the MTU arithmetic and the last failure',
  async t => {
    const { brunel, router } = await served(t)
    const { out } = await brunel('status branch-7')
    for (const text of [
      'branch-7: up. Data crosses both ways.',
      'underlay  up     198.51.100.7 is reached over eth0.',
      'IKE SA 00112233445566aa 00112233445566bb: established, we are initiator',
      'NAT at the far end',
      'certificate "CN=branch-7" by "CN=CA", from http://pki.example.net/certs/branch-7.der',
      'child 0000aaaa in, 0000bbbb out: installed, aes256gcm16, ESN, tunnel (the peer refused transport mode) mode, ESP in UDP',
      'MTU 1414, MSS 1374 (IPv4), 1354 (IPv6)\n  1500 underlay\n  1414 tunnel',
    ]) {
      t.match(out, text)
    }
    router.reports = [failedReport('branch-7')]
    t.match(
      (await brunel('status branch-7')).out,
      'their offers: a, b\n  Write the same auth.psk on both routers.',
    )
  },
)

t.test('status --check tells a script whether all is up', async t => {
  const { brunel, router } = await served(t)
  t.equal((await brunel('status --check')).exit, 0)
  router.reports = [
    tunnelReport('branch-7'),
    failedReport('branch-8'),
    { ...failedReport('branch-9'), enabled: false },
  ]
  const { exit, err } = await brunel('status --check')
  t.equal(exit, 5)
  t.match(err, 'branch-8 is down')
  t.notMatch(err, 'branch-9')
})

t.test('with --json the answer of the API is printed as it is', async t => {
  const { brunel, router } = await served(t)
  t.same(JSON.parse((await brunel('--json status')).out), router.reports)
  t.same(JSON.parse((await brunel('status branch-7 --json')).out), router.reports[0])
  t.match(JSON.parse((await brunel('tunnel rekey branch-7 --json')).out), { done: true })
  t.match(JSON.parse((await brunel('drops --json')).out), [{ reason: 'esp-replay', count: 3 }])
  t.match(JSON.parse((await brunel('token list --json')).out), [
    { name: 'admin' },
    { name: 'read' },
    { name: 'metrics' },
  ])
  t.same(JSON.parse((await brunel('peer list --json')).out), [])
  const refused = await brunel('peer show nobody --json')
  t.equal(refused.out, '')
  t.match(JSON.parse(refused.err), { code: 'BRUNEL_API_NOT_FOUND', remedy: /\S/ })
})

t.test('a peer is added from a file, from standard input and from options', async t => {
  const { brunel, peers } = await served(t)
  const file = { files: { 'peer.json': JSON.stringify(document) } }
  t.match(await brunel('peer add peer.json', file), { exit: 0, out: /"branch-1" is added/ })
  t.equal(peers.secrets.get('branch-1'), SECRET)
  t.equal(
    (
      await brunel('peer add -', {
        stdin: JSON.stringify({ ...document, name: 'b2', remote: { address: '198.51.100.2' } }),
      })
    ).exit,
    0,
  )
  const options =
    '--name b3 --remote 198.51.100.3 --gre-key 7 --address 10.3.0.1/30 --route 10.3.1.0/24 10.3.2.0/24 --mode transport --answer-only --tcp never --mtu 1400'
  t.equal((await brunel(`peer add ${options} --psk-stdin`, { stdin: `${SECRET}\n` })).exit, 0)
  t.equal(peers.secrets.get('b3'), SECRET)
  t.match(peers.peers.get('b3')?.document, {
    remote: { address: '198.51.100.3' },
    ike: { initiate: false, tcp: 'never' },
    esp: { mode: 'transport' },
    gre: { key: 7 },
    tunnel: { addresses: ['10.3.0.1/30'], routes: ['10.3.1.0/24', '10.3.2.0/24'], mtu: 1400 },
  })
  t.equal(
    (
      await brunel('peer add --name b4 --remote 198.51.100.4 --psk-file key', {
        files: { key: `${SECRET}4\n` },
      })
    ).exit,
    0,
  )
  t.equal(peers.secrets.get('b4'), `${SECRET}4`)
  t.equal((await brunel('peer add --name b5 --remote 198.51.100.5', { typed: `${SECRET}5` })).exit, 0)
  t.equal(peers.secrets.get('b5'), `${SECRET}5`)
})

t.test('a peer is added by its name and options; a path is a file even then', async t => {
  const { brunel, peers } = await served(t)
  const files = { key: SECRET, 'b7.json': JSON.stringify(document), b8: JSON.stringify(document) }
  t.match(await brunel('peer add b6 --remote 198.51.100.6 --psk-file key', { files }), {
    exit: 0,
    out: /"b6" is added/,
  })
  t.equal((await brunel('peer add b7.json --remote 198.51.100.7 --gre-key 7', { files })).exit, 0)
  t.match(peers.peers.get('branch-1')?.document, { remote: { address: '198.51.100.7' }, gre: { key: 7 } })
  t.equal((await brunel('peer add b8 --remote 198.51.100.8 --psk-file key', { files })).exit, 0)
  t.ok(peers.peers.has('b8'), 'with --remote a bare word is a name, whatever files lie about')
  t.match(await brunel('peer add b9 --psk-file key', { files }), {
    exit: 2,
    err: /lacks --remote, and there is no file "b9"/,
  })
  t.match(await brunel('peer add b9 --remote 198.51.100.9'), { exit: 2, err: /--psk-file FILE/ })
})

t.test('a PPK comes from a file, under its name; whether it is demanded can be changed alone', async t => {
  const { brunel, peers } = await served(t)
  const files = { key: SECRET, ppk: `${'q'.repeat(40)}\n` }
  const add = 'peer add b1 --remote 198.51.100.6 --psk-file key --ppk-id hq-b1 --ppk-file ppk'
  t.match(await brunel(add, { files }), { exit: 0 })
  t.equal(peers.secrets.get('b1 ppk'), 'q'.repeat(40))
  t.match(peers.peers.get('b1')?.document.auth, { ppk: { id: 'hq-b1' } })
  t.match(await brunel('peer edit b1 --ppk-required'), { exit: 0 })
  t.same(peers.peers.get('b1')?.document.auth.ppk, { id: 'hq-b1', required: true })
  t.match(await brunel('peer edit b1 --ppk-optional'), { exit: 0 })
  t.same(peers.peers.get('b1')?.document.auth.ppk, { id: 'hq-b1', required: false })
  t.match(await brunel('peer edit b1 --ppk-optional --ppk-required'), { exit: 2 })
})

t.test(
  'RFC 7296 §3.6: hash and URL is switched on by addresses, and off by a document without them',
  async t => {
    const { brunel, peers } = await served(t)
    const auth = () => peers.peers.get('b1')?.document.auth
    const add = 'peer add b1 --remote 198.51.100.6 --psk-file key'
    t.match(await brunel(add, { files: { key: SECRET } }), { exit: 0 })
    t.same(
      [auth()?.hashAndUrl, auth()?.certificateUrls, auth()?.bundleUrl],
      [undefined, undefined, undefined],
    )
    const [one, two] = ['http://pki.example.net/a/', 'http://pki.example.net/b/']
    t.match(await brunel(`peer edit b1 --hash-and-url ${one} ${two} --certificate-url ${one}c`), { exit: 0 })
    t.match(auth(), { hashAndUrl: [one, two], certificateUrls: [`${one}c`] })
    t.match(await brunel('peer edit b1 --bundle-url https://pki.example.net/'), {
      exit: 1,
      err: /plain http/,
    })
  },
)

t.test('the first child SA may be kept out of IKE_AUTH, and the default stays unwritten', async t => {
  const { brunel, peers } = await served(t)
  await brunel('peer add b1 --remote 198.51.100.6 --psk-file key', { files: { key: SECRET } })
  t.equal(peers.peers.get('b1')?.document.ike?.childless, undefined)
  for (const [line, want] of [
    ['--childless', true],
    ['--no-childless', false],
  ] as const) {
    t.match(await brunel(`peer edit b1 ${line}`), { exit: 0 })
    t.equal(peers.peers.get('b1')?.document.ike?.childless, want)
  }
})

t.test('what is no number is refused: as null it would take the member away', async t => {
  const { brunel, peers } = await served(t)
  await brunel('peer add -', { stdin: JSON.stringify({ ...document, tunnel: { mtu: 1400 } }) })
  for (const line of ['--mtu big', '--mtu 1e3', '--gre-key 0x7', '--gre-key -1'])
    t.match(await brunel(`peer edit branch-1 ${line}`), { exit: 2, err: /not a whole number/ }, line)
  t.equal(peers.peers.get('branch-1')?.document.tunnel?.mtu, 1400)
  t.equal((await brunel('peer edit branch-1 --mtu auto')).exit, 0)
  t.equal(peers.peers.get('branch-1')?.document.tunnel?.mtu, 'auto')
})

t.test('ping asks as often as it is told', async t => {
  const { brunel, router } = await served(t)
  await brunel('tunnel ping branch-7')
  await brunel('tunnel ping branch-7 --count 100 --interval 20')
  t.same(router.pinged, ['3 x 200 ms', '100 x 20 ms'])
  t.match(await brunel('tunnel ping branch-7 --count 0'), { exit: 1, err: /count/ })
})

t.test('rekey renews the SA that is named, or both; a wrong word says where help is', async t => {
  const { brunel, router } = await served(t)
  for (const line of ['', ' --ike', ' --child', ' --ike --child'])
    await brunel(`tunnel rekey branch-7${line}`)
  t.same(router.rekeyed, ['all', 'ike', 'child', 'all'])
  t.match(await brunel('tunnel rekey branch-7 --everything'), { exit: 2, err: /--help` show/ })
  t.match(await brunel('tunnel frobnicate x'), { exit: 2, err: /--help` show/ })
})

t.test('a secret is no option: it would stand in the list of processes', async t => {
  const { brunel } = await served(t)
  t.match(await brunel('peer add --name b --remote any --psk hello'), {
    exit: 2,
    err: /unknown option '--psk'/,
  })
})

t.test('all problems of a document are printed with pointer and remedy, and no secret is', async t => {
  const { brunel } = await served(t)
  const bad = {
    ...document,
    remote: { address: '1.2.3.400' },
    tunnel: { routes: ['10.1.2.0/16'] },
    ike: { lifetime: 4 },
  }
  const { exit, err, out } = await brunel('peer add -', { stdin: JSON.stringify(bad) })
  t.equal(exit, 1)
  t.match(err, 'brunel: The document is refused: 3 problems. Nothing was stored. (BRUNEL_API_INVALID)')
  t.match(err, '/tunnel/routes/0: 10.1.2.0/16 has bits set behind its prefix length.\n    Write 10.1.0.0/16.')
  t.notMatch(`${out}${err}`, 'battery')
  const broken = await brunel('peer add -', { stdin: `{"auth": {"psk": "${SECRET}"` })
  t.equal(broken.exit, 1)
  t.match(broken.err, 'standard input is not JSON')
  t.notMatch(broken.err, 'battery')
})

t.test('peers are listed, shown, changed and removed', async t => {
  const { brunel, peers, directory } = await served(t)
  t.match((await brunel('peer list')).out, 'No peer is configured')
  await brunel('peer add -', { stdin: JSON.stringify(document) })
  t.match((await brunel('peer list')).out, /branch-1 +yes +198\.51\.100\.1 +- +gre-branch-1 +-/)
  t.match((await brunel('peer show branch-1')).out, /esp\.lifetimeBytes +1TiB/)
  t.notMatch((await brunel('peer show branch-1 --written')).out, 'lifetimeBytes')
  t.match(await brunel('peer edit branch-1 --gre-key 9 --disabled'), { exit: 0, out: /is changed/ })
  t.match(peers.peers.get('branch-1')?.document, { enabled: false, gre: { key: 9 } })
  const { auth: _, ...rest } = document
  const replaced = { ...rest, auth: { method: 'psk' } }
  t.equal((await brunel('peer edit branch-1 -', { stdin: JSON.stringify(replaced) })).exit, 0)
  t.equal(peers.peers.get('branch-1')?.document.gre, undefined)
  t.equal(peers.secrets.get('branch-1'), SECRET, 'a file without a secret keeps it')

  const editor = join(directory, 'editor')
  writeFileSync(editor, `#!/bin/sh\nsed -i 's/198.51.100.1/203.0.113.1/' "$1"\n`)
  chmodSync(editor, 0o755)
  t.equal((await brunel('peer edit branch-1', { env: { EDITOR: editor } })).exit, 0)
  t.equal(peers.peers.get('branch-1')?.document.remote.address, '203.0.113.1')
  t.match(await brunel('peer edit branch-1', { env: { EDITOR: 'true' } }), {
    exit: 0,
    out: 'Nothing was changed.',
  })
  t.equal((await brunel('peer edit branch-1', { env: { EDITOR: 'false' } })).exit, 1)

  t.equal((await brunel('peer remove branch-1')).exit, 0)
  t.match(await brunel('peer show branch-1'), { exit: 1, err: /There is no peer "branch-1"/ })
  t.equal(
    (await brunel('peer edit branch-1 -', { stdin: JSON.stringify(document) })).exit,
    1,
    'edit adds nothing',
  )
})

t.test('actions say what happened, and what is not available says so', async t => {
  const { brunel } = await served(t)
  for (const action of ['up', 'down', 'rekey', 'ping']) {
    t.match(await brunel(`tunnel ${action} branch-7`), {
      exit: 0,
      out: `${action} is done.\n  milliseconds: 3`,
    })
  }
  t.match(await brunel('tunnel reauthenticate branch-7'), {
    exit: 1,
    err: /not available yet.*\n {2}Take the tunnel down/,
  })
  t.equal((await brunel('tunnel up nobody')).exit, 1)
})

t.test('drops are sorted, those that never occurred are left out', async t => {
  const { brunel } = await served(t)
  t.match((await brunel('drops')).out, /esp-replay +inbound +3 +The sequence number was seen before/)
  t.notMatch((await brunel('drops')).out, 'gre-loop')
  t.match((await brunel('drops --all')).out, 'gre-loop')
})

t.test('tokens are made, listed and removed', async t => {
  const { brunel } = await served(t)
  t.match(await brunel('token add prom --role metrics'), {
    exit: 0,
    out: 'made-prom',
    err: /not shown again/,
  })
  t.match((await brunel('token list')).out, /prom +metrics +10m ago +-/)
  t.equal((await brunel('token remove prom')).exit, 0)
  t.match(await brunel('token remove admin'), { exit: 1, err: /last token/ })
  t.equal((await brunel('token add x --role god')).exit, 2)
})

t.test('the API and the token are found by option, environment or data directory', async t => {
  const { brunel, url, directory } = await served(t)
  const status = (line: string[], setting: Setting = {}) => run(['status', '--json', ...line], setting)
  const env = { BRUNEL_TOKEN: TOKENS.read }
  t.equal((await status(['--url', url], { env })).exit, 0)
  t.equal((await status([], { env: { ...env, BRUNEL_URL: url } })).exit, 0)
  t.equal((await status([], { env: { ...env, BRUNEL_URL: url.replace('http://', '') } })).exit, 0)
  t.equal((await status(['--socket', join(directory, 'bruneld.sock')], { env })).exit, 0)
  t.equal((await status([], { env: { ...env, BRUNEL_DATA_DIR: directory } })).exit, 0)
  t.equal(
    (await status(['--url', url, '--token-file', 'file'], { files: { file: `${TOKENS.read}\n` } })).exit,
    0,
  )
  t.match(await status(['--url', url, '--token-file', 'none']), { exit: 2, err: /cannot be read/ })
  t.match(await brunel('status --token-file t', { files: { t: 'guess' } }), { exit: 4, err: /not valid/ })
  t.match(await brunel('peer remove x --token-file t', { files: { t: TOKENS.read } }), {
    exit: 4,
    err: /role `admin`/,
  })
  t.match(await status(['--url', url], { env: { BRUNEL_DATA_DIR: '/nowhere' } }), {
    exit: 4,
    err: /has no token/,
  })
})

t.test('the program itself: help, version, and an answer over the socket', async t => {
  const { directory } = await served(t)
  writeFileSync(join(directory, 'admin.token'), TOKENS.admin)
  const bin = fileURLToPath(new URL('../../bin/brunel.mjs', import.meta.url))
  const brunel = (...line: string[]) => promisify(execFile)(process.execPath, [bin, ...line])
  t.match((await brunel('--version')).stdout, /^\d+\.\d+\.\d+\n$/)
  t.match((await brunel('--help')).stdout, /Exit: 0 done/)
  t.match((await brunel('--data-dir', directory, 'status')).stdout, 'branch-7')
  await t.rejects(brunel('--data-dir', directory, 'peer', 'show', 'nobody'), { code: 1, stderr: /no peer/ })
})
