/**
 * Revocation with the small authority of `brunel pki`: lists over HTTP and from a file, OCSP by `openssl ocsp`, with
 * strongSwan 5.9.8 in both roles; certificates by hash and URL, too; and OCSP in IKE between two of ours.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { bundleOf, certificatesIn } from '@brunel/crypto'
import t from 'tap'
import { Daemon } from '../../src/net/daemon.js'
import { PLAIN_NODE } from '../../src/net/environment.js'
import type { Namespace } from '../../src/net/namespace.js'
import { ADDRESSES, Topology } from '../../src/net/topology.js'
import { until } from '../../src/net/until.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { id, PSK, peerDocument } from '../../src/peers/peer-document.js'
import { StrongSwan, withoutStrongSwan } from '../../src/peers/strongswan.js'
import { Authority } from './authority.js'
import { noLab, owned, tail } from './gear.js'

const NAME = 'site-b'
const IKE = 'aes128gcm16-prfsha256-x25519'
const ESP = 'aes128gcm16'
const B = ADDRESSES.wan.B[4]
/** Where lists and answers are: not at router B, whose kernel-libipsec takes all that goes to router A. */
const WEB = ADDRESSES.gateway.A[4]
/** Lists and answers are fetched anew every second, so that a revocation is seen at once. */
const DAEMON = { env: { BRUNEL_REVOCATION_REFRESH: '1' } }
const noOpenssl = (): string | false => !existsSync('/usr/bin/openssl') && 'not installed: openssl'

/** Serves the files of a folder on port 80 of a place. */
function serveFiles(place: Namespace, folder: string, log: string): Daemon {
  const script = `const {createServer}=require('node:http'),{readFileSync}=require('node:fs')
    createServer((q,s)=>{try{s.end(readFileSync(process.argv[1]+q.url))}catch{s.writeHead(404).end()}}).listen(80)`
  return new Daemon('web server', place.command(...PLAIN_NODE, '-e', script, folder), log)
}

/** As docs/operations.md shows it. */
function respond(place: Namespace, { folder }: Authority, log: string): Daemon {
  const file = (name: string): string => join(folder, name)
  const signer = ['-CA', file('ca.pem'), '-rsigner', file('ca.pem'), '-rkey', file('ca.key')]
  const words = ['-index', file('index.txt'), ...signer, '-port', '2560', '-nmin', '60']
  return new Daemon('openssl ocsp', place.command('openssl', 'ocsp', ...words), log)
}

const listens = (place: Namespace, port: number): Promise<unknown> =>
  until(`port ${port} listens`, 30_000, async () => {
    const { out } = await place.run(['ss', '-ltn', `sport = :${port}`])
    return out.includes('LISTEN')
  })

const skip = noLab() || withoutStrongSwan() || noOpenssl()

t.test('revocation, Brunel and strongSwan', { skip, timeout: 600_000 }, async t => {
  const lab = owned(t, await Topology.build())
  const ours = new Bruneld(lab.at.routerA, join(lab.folder, 'ours'), DAEMON)
  const swan = new StrongSwan(lab.at.routerB, join(lab.folder, 'swan'), ['hash_and_url = yes'])
  t.teardown(async () => {
    if (!t.passing()) t.comment(`bruneld:\n${tail(ours.log())}\nstrongSwan:\n${tail(swan.log())}`)
  })
  await ours.start()
  lab.cleanup.add('bruneld', () => ours.stop())
  await swan.start([])
  lab.cleanup.add('strongSwan', () => swan.stop())
  const [listed, asked] = [new Authority(join(lab.folder, 'crl')), new Authority(join(lab.folder, 'ocsp'))]
  await listed.begin('--crl-url', `http://${WEB}/crl.der`)
  await asked.begin('--ocsp-url', `http://${WEB}:2560/`)

  interface Way {
    readonly role: 'initiator' | 'responder'
    readonly by: Authority
    readonly more: Readonly<Record<string, unknown>>
    readonly swanLooks?: 'strict'
    /** Where strongSwan says that its certificate is. */
    readonly swanAt?: string
  }
  async function begin({ role, by, more, swanLooks, swanAt }: Way): Promise<void> {
    await ours.api.send('DELETE', `/v1/peers/${NAME}`)
    await swan.without('ike')
    const put = (from: string, part: string, to: string): void =>
      copyFileSync(join(by.folder, from), join(swan.folder, 'swanctl', part, to))
    put('ca.pem', 'x509ca', 'ca.pem')
    put(`${id('B')}.pem`, 'x509', 'b.pem')
    put(`${id('B')}.key`, 'private', 'b.key')
    const auth = { local: 'pubkey', remote: 'pubkey', certificate: 'b.pem' }
    await swan.load(
      [
        {
          name: 'net',
          local: { address: B, id: id('B') },
          remote: { address: ADDRESSES.wan.A[4], id: id('A') },
          psk: PSK,
          auth: { ...auth, ...(swanLooks && { revocation: swanLooks }) },
          ike: IKE,
          esp: ESP,
          mode: 'tunnel',
        },
      ],
      swanAt && `authorities { ca { cacert = ca.pem\n cert_uri_base = ${swanAt} } }`,
    )
    await swan.control('--flush-certs')
    const initiate = role === 'initiator'
    const wish = {
      side: 'A',
      greKey: 42,
      ike: [IKE],
      esp: [ESP],
      initiate,
      auth: by.auth('A', more),
    } as const
    await ours.api.ask('POST', '/v1/peers', peerDocument(wish))
    if (!initiate) await swan.initiate('net')
  }
  const failureOf = async () => (await ours.api.tunnel(NAME)).lastFailure
  const certificateOf = async () => (await ours.api.tunnel(NAME)).ike[0]?.certificate
  async function up(way: Way): Promise<void> {
    await begin(way)
    const children = async () => (await ours.api.tunnel(NAME)).ike[0]?.children ?? []
    await until('a child stands', 30_000, async () => (await children()).length > 0)
  }
  async function refused(way: Way, code: string, t: { equal(a: unknown, b: unknown): unknown }) {
    await begin(way)
    await until('refused', 30_000, async () => (await failureOf()) !== null)
    const failure = await failureOf()
    t.equal(`${way.role}: ${failure?.code}`, `${way.role}: ${code}`)
    await swan.without('children')
  }
  const ROLES = ['initiator', 'responder'] as const

  await t.test('where nobody answers: strict refuses and says what it tried, relaxed lets in', async t => {
    const more = { revocation: 'strict' }
    await refused({ role: 'initiator', by: listed, more }, 'BRUNEL_IKE_REVOCATION_UNKNOWN', t)
    t.match((await failureOf())?.sentence, /crl\.der: ECONNREFUSED/)
    await up({ role: 'responder', by: listed, more: {} })
    t.match(await certificateOf(), { revocation: { state: 'unknown', detail: /ECONNREFUSED/ } })
  })

  const web = serveFiles(lab.at.underlay, listed.folder, join(lab.folder, 'web.log'))
  lab.cleanup.add('web server', () => web.stop())
  await listens(lab.at.underlay, 80)

  await t.test(
    'RFC 7296 §3.6: hash and URL, each end names its certificate and fetches the other',
    async t => {
      const at = `http://${WEB}/`
      for (const side of ['A', 'B'] as const) await listed.publish(side)
      const hash = createHash('sha1')
        .update(certificatesIn(listed.text(`${id('A')}.pem`))[0] ?? '')
        .digest('hex')
      const more = { hashAndUrl: [at], certificateUrls: [`${at}${hash}`], revocation: 'off' }
      for (const role of ROLES) {
        const before = swan.log().length
        await up({ role, by: listed, more, swanAt: at })
        t.match(await certificateOf(), { subject: `CN=${id('B')}`, url: new RegExp(`^${at}[0-9a-f]{40}$`) })
        const said = swan.log().slice(before)
        t.match(said, new RegExp(`fetched certificate "CN=${id('A')}"`), `as ${role} we name ours`)
      }
      await refused(
        { role: 'initiator', by: listed, more: { ...more, hashAndUrl: [`${at}certs/`] }, swanAt: at },
        'BRUNEL_IKE_CERTIFICATE_URL',
        t,
      )
      t.match((await failureOf())?.sentence, `${at}`)
    },
  )

  await t.test('RFC 5280 §6.3: a list by HTTP; each end looks at the other, strictly', async t => {
    for (const role of ROLES) {
      await up({ role, by: listed, more: { revocation: 'strict' }, swanLooks: 'strict' })
      t.match(await certificateOf(), {
        subject: `CN=${id('B')}`,
        revocation: { state: 'good', detail: 'the revocation list of "CN=Brunel CA"' },
      })
    }
    const metrics = await ours.api.send('GET', '/metrics')
    t.match(metrics.text, /brunel_revocation_expiry_timestamp_seconds\{kind="crl",url="http/)
  })

  await t.test(
    'RFC 5280 §6.3: revoked while the tunnel stands, and refused from then on, by HTTP and from a file',
    async t => {
      await listed.pki('revoke', id('B'))
      await until('closed', 30_000, async () => (await swan.sas()).ike === 0)
      t.match((await failureOf())?.code, 'BRUNEL_IKE_CERTIFICATE_REVOKED')
      for (const role of ROLES) {
        await refused({ role, by: listed, more: {} }, 'BRUNEL_IKE_CERTIFICATE_REVOKED', t)
        const byFile = { revocation: 'off', crls: [listed.text('crl.pem')] }
        await refused({ role, by: listed, more: byFile }, 'BRUNEL_IKE_CERTIFICATE_REVOKED', t)
      }
    },
  )

  await t.test('RFC 6960 §3.2: strongSwan sends no answer along, so the responder is asked', async t => {
    let responder = respond(lab.at.underlay, asked, join(lab.folder, 'ocsp.log'))
    lab.cleanup.add('openssl ocsp', () => responder.stop())
    await listens(lab.at.underlay, 2560)
    for (const role of ROLES) {
      await up({ role, by: asked, more: { revocation: 'strict' }, swanLooks: 'strict' })
      t.match(await certificateOf(), { revocation: { state: 'good', detail: /OCSP/ } })
    }
    await asked.pki('revoke', id('B'))
    await responder.stop()
    responder = respond(lab.at.underlay, asked, join(lab.folder, 'ocsp.log'))
    await until('closed', 30_000, async () => (await swan.sas()).ike === 0)
    for (const role of ROLES)
      await refused({ role, by: asked, more: {} }, 'BRUNEL_IKE_CERTIFICATE_REVOKED', t)
  })
})

t.test(
  'RFC 4806 §4.1: OCSP in IKE between two Brunels, and RFC 7296 §3.6: a bundle by hash and URL',
  { skip: noLab() || noOpenssl(), timeout: 600_000 },
  async t => {
    const lab = owned(t, await Topology.build())
    const by = new Authority(join(lab.folder, 'pki'))
    // Only router B itself reaches this responder.
    await by.begin('--ocsp-url', 'http://127.0.0.1:2560/')
    const routers = (['A', 'B'] as const).map(side => {
      const router = new Bruneld(lab.router(side), join(lab.folder, side), DAEMON)
      return { side, router }
    })
    t.teardown(async () => {
      if (!t.passing()) for (const { side, router } of routers) t.comment(`${side}:\n${tail(router.log())}`)
    })
    let responder = respond(lab.at.routerB, by, join(lab.folder, 'ocsp.log'))
    lab.cleanup.add('openssl ocsp', () => responder.stop())
    for (const { side, router } of routers) {
      await router.start()
      lab.cleanup.add(`bruneld ${side}`, () => router.stop())
    }
    const web = serveFiles(lab.at.underlay, by.folder, join(lab.folder, 'web.log'))
    lab.cleanup.add('web server', () => web.stop())
    await listens(lab.at.underlay, 80)
    await by.publish('B')
    const bundle = bundleOf(certificatesIn(by.text(`${id('B')}.pem`)))
    const bundleUrl = `http://${WEB}/${createHash('sha1').update(bundle).digest('hex')}`
    const [a, b] = routers.map(({ router }) => router) as [Bruneld, Bruneld]
    await b.api.ask(
      'POST',
      '/v1/peers',
      peerDocument({ side: 'B', auth: by.auth('B', { revocation: 'off', bundleUrl }) }),
    )
    const theirs = { revocation: 'strict', hashAndUrl: [`http://${WEB}/`] }
    const wish = { side: 'A', auth: by.auth('A', theirs) } as const
    await a.api.ask('POST', '/v1/peers', peerDocument(wish))
    await until('up', 30_000, async () => ((await a.api.tunnel(NAME)).ike[0]?.children.length ?? 0) > 0)
    const [sa] = (await a.api.tunnel(NAME)).ike
    t.match(sa?.certificate, {
      url: bundleUrl,
      revocation: { state: 'good', detail: 'OCSP for "CN=Brunel CA"' },
    })
    await by.pki('revoke', id('B'))
    await responder.stop()
    responder = respond(lab.at.routerB, by, join(lab.folder, 'ocsp.log'))
    const code = async () => (await a.api.tunnel(NAME)).lastFailure?.code
    await until('refused', 30_000, async () => {
      await a.api.send('POST', `/v1/tunnels/${NAME}/reauthenticate`)
      return (await code()) === 'BRUNEL_IKE_CERTIFICATE_REVOKED'
    })
  },
)
