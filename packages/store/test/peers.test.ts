import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { issueCertificate, newPrivateKey, privateKeyIn } from '@brunel/crypto'
import t from 'tap'
import { entry, ownDirectory, peer, SECRET, storeIn, withSecret } from './directory.js'

const write = (document: ReturnType<typeof peer>, expected?: number) => ({
  document,
  expected,
  audit: entry('peer-write'),
})

t.test('a peer is written, read, changed and removed, and a revision never comes again', async t => {
  const store = storeIn(ownDirectory(t))
  t.teardown(() => store.close())
  t.match(store.peers.write(write(withSecret(), 0)), { revision: 1, changedAt: '2026-01-02T03:04:05.000Z' })
  t.match(store.peers.write(write(peer({ enabled: false }), 1)), {
    revision: 2,
    document: { enabled: false },
  })
  t.equal(store.peers.write(write(peer(), 1)), 'conflict')
  t.equal(store.peers.write(write(peer(), 0)), 'conflict')
  t.equal(store.peers.remove('branch-1', 1, entry('peer-remove')), 'conflict')
  t.equal(store.peers.remove('branch-1', 2, entry('peer-remove')), 'removed')
  t.equal(store.peers.remove('branch-1', undefined, entry('peer-remove')), 'missing')
  t.same(store.peers.list(), [])
  const again = store.peers.write(write(peer(), 0))
  t.ok(typeof again === 'object' && again.revision > 2)
})

t.test(
  'a secret is kept apart: the document never shows it, a write without one keeps it, a removal ends it',
  async t => {
    const store = storeIn(ownDirectory(t))
    t.teardown(() => store.close())
    store.peers.write(write(withSecret()))
    t.same(store.peers.read('branch-1')?.document.auth, { method: 'psk' })
    store.peers.write(write(peer({ enabled: false })))
    t.equal(Buffer.from(store.peers.psk('branch-1') ?? '').toString(), SECRET)
    store.peers.write(write(withSecret('0x00112233445566778899')))
    t.equal(Buffer.from(store.peers.psk('branch-1') ?? '').toString('hex'), '00112233445566778899')
    store.peers.remove('branch-1', undefined, entry('peer-remove'))
    t.equal(store.peers.hasSecret('branch-1', 'psk'), false)
    t.equal(store.peers.psk('branch-1'), undefined)
  },
)

t.test('a PPK is sealed like a PSK, and one that the document no longer names is gone', async t => {
  const directory = ownDirectory(t)
  const store = storeIn(directory)
  t.teardown(() => store.close())
  const PPK = 'post-quantum-and-quite-secret-too'
  const auth = (ppk?: object) => ({ auth: { method: 'psk' as const, psk: SECRET, ...(ppk && { ppk }) } })
  const held = () => Buffer.from(store.peers.ppk('branch-1') ?? '').toString()
  store.peers.write(write(peer(auth({ id: 'hq', secret: PPK }))))
  t.same(store.peers.read('branch-1')?.document.auth, { method: 'psk', ppk: { id: 'hq' } })
  t.equal(held(), PPK)
  store.peers.write(write(peer(auth({ id: 'hq', required: true }))))
  t.equal(held(), PPK, 'left out, it stays')
  const without = store.peers.write(write(peer(auth())))
  t.equal(store.peers.hasSecret('branch-1', 'ppk'), false)
  store.peers.undo('branch-1', (without as { revision: number }).revision, entry('undo'))
  t.equal(held(), PPK, 'an undone change brings it back')
  t.equal(store.peers.read('branch-1')?.document.auth.ppk?.required, true)
  for (const file of readdirSync(directory))
    t.notOk(readFileSync(join(directory, file)).includes(PPK), `${file} does not show it`)
})

t.test(
  'a private key is sealed like a PSK, in PKCS #8, and an undone change brings the old one back',
  async t => {
    const directory = ownDirectory(t)
    const store = storeIn(directory)
    t.teardown(() => store.close())
    const keyed = async () => {
      const key = newPrivateKey('ecdsa256')
      const validity = { notBefore: new Date(0), notAfter: new Date(2 ** 41) }
      const certificate = await issueCertificate({ subject: 'CN=hq', key, ...validity })
      return { key, certificate, auth: { method: 'certificate' as const, certificate, privateKey: key } }
    }
    const [first, second] = [await keyed(), await keyed()]
    store.peers.write(write(peer({ auth: first.auth })))
    t.same(store.peers.read('branch-1')?.document.auth, {
      method: 'certificate',
      certificate: first.certificate,
    })
    t.same(
      [store.peers.hasSecret('branch-1', 'privateKey'), store.peers.hasSecret('branch-1', 'psk')],
      [true, false],
    )
    t.equal(store.peers.holdsKeyOf('branch-1', first.certificate), true)
    t.equal(store.peers.holdsKeyOf('branch-1', second.certificate), false)
    t.equal(store.peers.holdsKeyOf('nobody', second.certificate), undefined)
    const changed = store.peers.write(write(peer({ auth: second.auth })))
    t.equal(store.peers.holdsKeyOf('branch-1', second.certificate), true)
    if (typeof changed === 'object') store.peers.undo('branch-1', changed.revision, entry('peer-undo'))
    t.equal(store.peers.holdsKeyOf('branch-1', first.certificate), true)
    const der = Buffer.from(privateKeyIn(first.key) ?? []).toString('latin1')
    const files = readdirSync(directory).map(name => readFileSync(join(directory, name)).toString('latin1'))
    t.notOk(files.some(text => text.includes(der) || text.includes('PRIVATE KEY')))
  },
)

t.test('no file of the directory holds a secret or a token in the clear', async t => {
  const directory = ownDirectory(t)
  const store = storeIn(directory)
  store.peers.write(write(withSecret()))
  const made = store.tokens.create('prom', 'metrics', entry('token-add', 'prom'))
  const seen = () =>
    readdirSync(directory)
      .map(name => readFileSync(join(directory, name)).toString('latin1'))
      .join()
  const token = typeof made === 'object' ? made.secret : ''
  const open = seen()
  store.close()
  for (const text of [open, seen()]) {
    t.match(text, '198.51.100.1', 'the files are the ones that hold the peers')
    t.notOk(text.includes(SECRET))
    t.notOk(text.includes(token))
  }
})

t.test('undo takes back the last write or removal, secret included', async t => {
  const store = storeIn(ownDirectory(t))
  t.teardown(() => store.close())
  const undo = (revision: number) => store.peers.undo('branch-1', revision, entry('peer-undo'))
  const revision = () => store.peers.read('branch-1')?.revision ?? 0
  const secret = () => Buffer.from(store.peers.psk('branch-1') ?? '').toString()

  store.peers.write(write(withSecret()))
  undo(revision())
  t.equal(store.peers.read('branch-1'), undefined, 'an addition')

  store.peers.write(write(withSecret()))
  store.peers.write(write(withSecret('another secret of some length', { enabled: false })))
  undo(revision())
  t.equal(store.peers.read('branch-1')?.document.enabled, undefined, 'a change')
  t.equal(secret(), SECRET)

  store.peers.remove('branch-1', undefined, entry('peer-remove'))
  undo(0)
  t.equal(store.peers.read('branch-1')?.document.name, 'branch-1', 'a removal')
  t.equal(secret(), SECRET)

  const held = revision()
  undo(held - 1)
  t.equal(revision(), held, 'what changed meanwhile is left alone')
})

t.test('every change is in the audit log, in the transaction of the change', async t => {
  const store = storeIn(ownDirectory(t))
  t.teardown(() => store.close())
  store.peers.write({ document: withSecret(), expected: 0, audit: entry('peer-add') })
  store.peers.write({ document: peer(), expected: 0, audit: entry('peer-conflict') })
  store.peers.remove('branch-1', undefined, entry('peer-remove'))
  const log = store.audit.list(10, undefined)
  t.same(
    log.map(({ action }) => action),
    ['peer-remove', 'peer-add'],
  )
  t.match(log[1], { who: 'admin', from: '127.0.0.1', what: 'branch-1', at: '2026-01-02T03:04:05.000Z' })
  t.same(
    store.audit.list(10, log[0]?.id).map(({ action }) => action),
    ['peer-add'],
  )
  t.notMatch(JSON.stringify(log), SECRET)
})

t.test('old revisions of a peer are forgotten, and the last one before a change is not', async t => {
  const store = storeIn(ownDirectory(t))
  t.teardown(() => store.close())
  for (let key = 0; key < 50; key++) store.peers.write(write(peer({ gre: { key } })))
  store.peers.undo('branch-1', store.peers.read('branch-1')?.revision ?? 0, entry('peer-undo'))
  t.equal(store.peers.read('branch-1')?.document.gre?.key, 48)
})
