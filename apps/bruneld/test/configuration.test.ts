import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, type Store } from '@brunel/store'
import t, { type Test } from 'tap'
import { ConfigurationError, StoredPeers, takeConfiguration } from '../src/configuration.js'

const PSK = 'a-secret-that-nobody-may-see'
const peer = (name: string, more: object = {}) => ({
  name,
  remote: { address: '198.51.100.7' },
  auth: { method: 'psk', psk: PSK },
  ...more,
})

function inStore(t: Test, work: (store: Store, write: (content: unknown) => string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'brunel-configuration-'))
  const store = openStore({ directory: join(directory, 'data') })
  t.teardown(() => {
    store.close()
    rmSync(directory, { recursive: true })
  })
  work(store, content => {
    const file = join(directory, 'peers.json')
    writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
    return file
  })
}

t.test('the peers of a file are stored, and the steps say what is new', async t =>
  inStore(t, (store, write) => {
    t.same(takeConfiguration(write({ version: 1, peers: [peer('b')] }), store), [{ do: 'add', peer: 'b' }])
    t.equal(new StoredPeers(store).peer('b')?.remote.address, '198.51.100.7')
    t.equal(Buffer.from(new StoredPeers(store).secrets('b').psk ?? []).toString(), PSK)
  }),
)

t.test('the same file once more changes nothing', async t =>
  inStore(t, (store, write) => {
    takeConfiguration(write([peer('b')]), store)
    t.same(takeConfiguration(write([peer('b')]), store), [])
  }),
)

t.test('another secret is a change that no document shows', async t =>
  inStore(t, (store, write) => {
    takeConfiguration(write([peer('b')]), store)
    const ppk = { id: 'p', secret: 'x'.repeat(32) }
    const mixed = peer('c', { remote: { address: '198.51.100.8' }, auth: { method: 'psk', psk: PSK, ppk } })
    t.same(takeConfiguration(write([mixed]), store), [{ do: 'add', peer: 'c' }])
    t.same(takeConfiguration(write([mixed]), store), [])
    ppk.secret = 'y'.repeat(32)
    t.same(takeConfiguration(write([mixed]), store), [{ do: 'change', peer: 'c', layers: ['ike'] }])
    const rotated = peer('b', { auth: { method: 'psk', psk: `${PSK}-2` } })
    t.same(takeConfiguration(write([rotated]), store), [{ do: 'change', peer: 'b', layers: ['ike'] }])
  }),
)

t.test('all problems of a file are told at once, and nothing is stored', async t =>
  inStore(t, (store, write) => {
    const wrong = [
      peer('b', { remote: { address: '300.1.1.1' } }),
      peer('c', { tunnel: { routes: ['10.0.0.0/33'] } }),
    ]
    const error = t.throws(() => takeConfiguration(write(wrong), store)) as unknown as ConfigurationError
    t.ok(error instanceof ConfigurationError)
    t.match(
      error.problems.map(({ pointer }) => pointer),
      ['/peers/0/remote/address', '/peers/1/tunnel/routes/0'],
    )
    t.same(store.peers.list(), [])
  }),
)

for (const [what, content] of [
  ['bad JSON', `{"peers": [{"psk": "${PSK}`],
  ['no list of peers', { peers: 7 }],
] as const) {
  t.test(`${what} is refused without a word of its content`, async t =>
    inStore(t, (store, write) => {
      const error = t.throws(() => takeConfiguration(write(content), store)) as unknown as Error
      t.notMatch(`${error.message} ${error.stack}`, PSK)
    }),
  )
}
