import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { openStore } from '../src/index.js'
import { migrate } from '../src/migrations.js'
import { entry, ownDirectory, peer, SECRET, storeIn, withSecret } from './directory.js'

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)

t.test('the directory is 0700 and every file in it 0600, whatever the umask', async t => {
  const directory = ownDirectory(t)
  const before = process.umask(0)
  t.teardown(() => process.umask(before))
  const store = storeIn(directory)
  store.ensureAdminToken()
  t.equal(modeOf(directory), '700')
  t.same([...new Set(readdirSync(directory).map(name => modeOf(join(directory, name))))], ['600'])
  t.ok(readdirSync(directory).includes('secret.key'))
  store.close()
})

t.test(
  'a directory that others can read is refused where it holds files, and closed where it is empty',
  async t => {
    const directory = ownDirectory(t)
    mkdirSync(directory, { mode: 0o755 })
    writeFileSync(join(directory, 'notes'), '')
    t.throws(() => storeIn(directory), { code: 'BRUNEL_STORE_DIRECTORY', remedy: /chmod 0700/ })
    rmSync(join(directory, 'notes'))
    storeIn(directory).close()
    t.equal(modeOf(directory), '700')
  },
)

t.test('the first start makes one admin token; it comes in, and the second start makes none', async t => {
  const directory = ownDirectory(t)
  const first = storeIn(directory)
  const file = first.ensureAdminToken()
  t.equal(file, join(directory, 'admin.token'))
  const token = readFileSync(file as string, 'utf8').trim()
  t.same(first.tokens.authenticate(token), { name: 'admin', role: 'admin' })
  t.equal(first.ensureAdminToken(), undefined)
  first.close()
  const second = storeIn(directory)
  t.equal(second.ensureAdminToken(), undefined)
  t.same(second.tokens.authenticate(token), { name: 'admin', role: 'admin' })
  t.same(
    second.audit.list(9, undefined).map(({ action }) => action),
    ['token-add'],
  )
  second.close()
})

t.test('tokens: one of a name, shown once, gone when removed, and never the last admin', async t => {
  const store = storeIn(ownDirectory(t))
  t.teardown(() => store.close())
  store.ensureAdminToken()
  const made = store.tokens.create('prom', 'metrics', entry('token-add', 'prom'))
  const secret = typeof made === 'object' ? made.secret : ''
  t.match(secret, /^brunel_[\w-]{43}$/)
  t.equal(store.tokens.create('prom', 'read', entry('token-add', 'prom')), 'exists')
  t.same(store.tokens.authenticate(secret), { name: 'prom', role: 'metrics' })
  t.equal(store.tokens.authenticate(`${secret}x`), undefined)
  t.equal(store.tokens.authenticate(''), undefined)
  t.match(store.tokens.list(), [{ name: 'admin' }, { name: 'prom', lastUsedAt: '2026-01-02T03:04:05.000Z' }])
  t.notMatch(JSON.stringify(store.tokens.list()), secret)
  t.equal(store.tokens.remove('admin', entry('token-remove', 'admin')), 'last-admin')
  t.equal(store.tokens.remove('prom', entry('token-remove', 'prom')), 'removed')
  t.equal(store.tokens.remove('prom', entry('token-remove', 'prom')), 'missing')
  t.equal(store.tokens.authenticate(secret), undefined)
})

t.test('all is there after a restart', async t => {
  const directory = ownDirectory(t)
  const first = storeIn(directory)
  first.peers.write({ document: withSecret(), expected: 0, audit: entry('peer-add') })
  first.close()
  const second = storeIn(directory)
  t.match(second.peers.list(), [{ revision: 1, document: peer() }])
  t.equal(Buffer.from(second.peers.psk('branch-1') ?? '').toString(), SECRET)
  second.close()
})

t.test('a second bruneld on the same directory is refused', async t => {
  const directory = ownDirectory(t)
  const first = storeIn(directory)
  t.throws(() => storeIn(directory), { code: 'BRUNEL_STORE_BUSY' })
  const beside = openStore({ directory, shared: true })
  t.same(beside.peers.list(), [], 'a look at it is not')
  beside.close()
  first.close()
  storeIn(directory).close()
})

t.test('a lost or a wrong key is named at start, and no new one takes its place', async t => {
  const directory = ownDirectory(t)
  storeIn(directory).close()
  const key = join(directory, 'secret.key')
  const right = readFileSync(key)
  rmSync(key)
  t.throws(() => storeIn(directory), { code: 'BRUNEL_STORE_KEY', message: /missing/ })
  writeFileSync(key, `${'00'.repeat(32)}\n`)
  t.throws(() => storeIn(directory), { code: 'BRUNEL_STORE_KEY', message: /did not seal/ })
  writeFileSync(key, 'short')
  t.throws(() => storeIn(directory), { code: 'BRUNEL_STORE_KEY', message: /neither/ })
  writeFileSync(key, right)
  storeIn(directory).close()
})

t.test(
  'the key may come from the credentials directory of systemd, and then stands nowhere else',
  async t => {
    const directory = ownDirectory(t)
    const credentialsDirectory = `${directory}-credentials`
    mkdirSync(credentialsDirectory)
    writeFileSync(join(credentialsDirectory, 'brunel-secret-key'), 'ab'.repeat(32))
    const store = openStore({ directory, credentialsDirectory })
    store.peers.write({ document: withSecret(), expected: 0, audit: entry('peer-add') })
    t.equal(Buffer.from(store.peers.psk('branch-1') ?? '').toString(), SECRET)
    store.close()
    t.notOk(readdirSync(directory).includes('secret.key'))
  },
)

t.test('a sealed secret that was moved to another peer does not open', async t => {
  const directory = ownDirectory(t)
  const store = storeIn(directory)
  store.peers.write({ document: withSecret(), expected: 0, audit: entry('peer-add') })
  store.peers.write({
    document: withSecret('some other secret text', { name: 'branch-2' }),
    expected: 0,
    audit: entry('peer-add'),
  })
  store.close()
  const db = new Sqlite(join(directory, 'brunel.db'))
  db.exec(
    "UPDATE secrets SET sealed = (SELECT sealed FROM secrets WHERE peer = 'branch-2') WHERE peer = 'branch-1'",
  )
  db.close()
  const again = storeIn(directory)
  t.equal(again.peers.psk('branch-1'), undefined)
  again.close()
})

t.test('a database that is no database is refused in words', async t => {
  const directory = ownDirectory(t)
  mkdirSync(directory, { mode: 0o700 })
  writeFileSync(join(directory, 'brunel.db'), 'x'.repeat(4096))
  chmodSync(join(directory, 'brunel.db'), 0o600)
  t.throws(() => storeIn(directory), { code: 'BRUNEL_STORE_DATABASE', remedy: /\S/ })
})

t.test('migrations: each once, in order, whole or not at all; a newer database is refused', async t => {
  const db = new Sqlite(':memory:')
  const version = () => db.pragma('user_version', { simple: true })
  migrate(db, ['CREATE TABLE a (x)'])
  t.equal(version(), 1)
  t.throws(() => migrate(db, ['CREATE TABLE a (x)', 'CREATE TABLE b (x); CREATE TABLE a (x)']))
  t.equal(version(), 1)
  migrate(db, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'])
  t.equal(version(), 2)
  migrate(db, ['CREATE TABLE a (x)', 'CREATE TABLE b (x)'])
  t.throws(() => migrate(db, ['CREATE TABLE a (x)']), { code: 'BRUNEL_STORE_VERSION' })
  db.close()
})
