/** Ours against strongSwan 5.9.8 with certificates that strongSwan's own `pki` made, in both roles. */
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../src/net/command.js'
import { ADDRESSES, Topology } from '../../src/net/topology.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { startGreRouter } from '../../src/peers/gre-router.js'
import { id, PSK, peerDocument } from '../../src/peers/peer-document.js'
import { StrongSwan, withoutStrongSwan } from '../../src/peers/strongswan.js'
import { noLab, owned, tail } from './gear.js'

const NAME = 'site-b'
const IKE = 'aes128gcm16-prfsha256-x25519'
const ESP = 'aes128gcm16'
const noPki = (): string | false => !existsSync('/usr/bin/pki') && 'not installed: strongswan-pki'

const KEYS = {
  'RSA 2048': ['--type', 'rsa', '--size', '2048'],
  'RSA 4096': ['--type', 'rsa', '--size', '4096'],
  'ECDSA P-256': ['--type', 'ecdsa', '--size', '256'],
  'ECDSA P-384': ['--type', 'ecdsa', '--size', '384'],
  Ed25519: ['--type', 'ed25519'],
} as const
type Kind = keyof typeof KEYS
interface Equal {
  equal(a: unknown, b: unknown): unknown
}

/** An authority and certificates of both sites, made by another implementation than ours. */
class Pki {
  readonly folder: string
  readonly #conf: string

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.folder = folder
    this.#conf = join(folder, 'pki.conf')
    writeFileSync(
      this.#conf,
      'pki { load = random openssl pem pkcs1 pkcs8 x509 pubkey gmp sha1 sha2 curve25519 }\n',
    )
  }

  async #pki(file: string, ...args: readonly string[]): Promise<void> {
    const quoted = args.map(word => `'${word}'`).join(' ')
    const script = `umask 077; cd '${this.folder}' && pki ${quoted} --outform pem > ${file}`
    const { code, err } = await run(['sh', '-c', script], {
      env: { STRONGSWAN_CONF: this.#conf },
      limit: 60_000,
    })
    if (code !== 0) throw new Error(`pki ${quoted}: ${err}`)
  }

  /** `by`: the authority above it; left out: it is the root. */
  async authority(name: string, kind: Kind, by?: string): Promise<void> {
    const type = KEYS[kind][1]
    await this.#pki(`${name}.key`, '--gen', ...KEYS[kind])
    const dn = ['--dn', `C=CH, O=Lab, CN=${name}`]
    if (by !== undefined) {
      const from = ['--type', 'priv', '--in', `${name}.key`, '--cacert', `${by}.pem`, '--cakey', `${by}.key`]
      return this.#pki(`${name}.pem`, '--issue', '--ca', ...from, ...dn)
    }
    await this.#pki(`${name}.pem`, '--self', '--ca', '--type', type, '--in', `${name}.key`, ...dn)
  }

  async certificate(
    name: string,
    by: string,
    kind: Kind,
    wish: { readonly san: string; readonly more?: readonly string[] },
  ): Promise<void> {
    await this.#pki(`${name}.key`, '--gen', ...KEYS[kind])
    await this.#pki(
      `${name}.pem`,
      '--issue',
      '--type',
      'priv',
      '--in',
      `${name}.key`,
      '--cacert',
      `${by}.pem`,
      '--cakey',
      `${by}.key`,
      '--dn',
      `C=CH, O=Lab, CN=${wish.san}`,
      '--san',
      wish.san,
      ...(wish.more ?? []),
    )
  }

  text(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }
}

t.test(
  'certificates, Brunel and strongSwan',
  { skip: noLab() || withoutStrongSwan() || noPki(), timeout: 600_000 },
  async t => {
    const lab = owned(t, await Topology.build())
    const ours = new Bruneld(lab.at.routerA, join(lab.folder, 'ours'))
    const swan = new StrongSwan(lab.at.routerB, join(lab.folder, 'swan'))
    const pki = new Pki(join(lab.folder, 'pki'))
    t.teardown(async () => {
      if (!t.passing()) t.comment(`bruneld:\n${tail(ours.log())}\nstrongSwan:\n${tail(swan.log())}`)
    })
    await ours.start()
    lab.cleanup.add('bruneld', () => ours.stop())
    await swan.start([])
    lab.cleanup.add('strongSwan', () => swan.stop())
    await startGreRouter(lab.at.routerB, join(lab.folder, 'gre.log'), {
      local: ADDRESSES.wan.B[4],
      remote: ADDRESSES.wan.A[4],
      interface: 'gre1',
      addresses: [`${ADDRESSES.tunnel.B[4]}/30`, `${ADDRESSES.tunnel.B[6]}/64`],
      routes: [ADDRESSES.site.A[4], ADDRESSES.site.A[6]],
      mtu: 1382,
      key: 42,
    })
    await pki.authority('ca', 'ECDSA P-256')
    const swanctl = (part: string, file: string): void =>
      copyFileSync(join(pki.folder, file), join(swan.folder, 'swanctl', part, file))
    swanctl('x509ca', 'ca.pem')
    // pki cannot go back in time; faketime is nowhere: an hour of validity that ended.
    const past = ['--not-before', '01.01.20 00:00:00', '--not-after', '01.02.20 00:00:00']

    async function pairOf(kind: Kind): Promise<void> {
      for (const side of ['a', 'b'] as const) {
        if (existsSync(join(pki.folder, `${side}.pem`))) await run(['rm', join(pki.folder, `${side}.pem`)])
        await pki.certificate(side, 'ca', kind, { san: id(side === 'a' ? 'A' : 'B') })
      }
      useTheirs('b')
    }
    function useTheirs(name: string): void {
      copyFileSync(join(pki.folder, `${name}.pem`), join(swan.folder, 'swanctl', 'x509', 'b.pem'))
      copyFileSync(join(pki.folder, `${name}.key`), join(swan.folder, 'swanctl', 'private', 'b.key'))
    }
    const certificate = () => ({ certificate: pki.text('a.pem'), privateKey: pki.text('a.key') })
    const both = () => ({ method: 'certificate', ...certificate(), trustAnchors: [pki.text('ca.pem')] })

    interface Way {
      readonly role: 'initiator' | 'responder'
      readonly auth: Readonly<Record<string, unknown>>
      readonly theirs: { readonly local: string; readonly remote: string; readonly certificate?: string }
    }

    async function begin({ role, auth, theirs }: Way): Promise<{ readonly code: number }> {
      await ours.api.send('DELETE', `/v1/peers/${NAME}`)
      await swan.without('ike')
      await swan.load([
        {
          name: 'net',
          local: { address: ADDRESSES.wan.B[4], id: id('B') },
          remote: { address: ADDRESSES.wan.A[4], id: id('A') },
          psk: PSK,
          auth: theirs,
          ike: IKE,
          esp: ESP,
          mode: 'tunnel',
        },
      ])
      const document = peerDocument({
        side: 'A',
        greKey: 42,
        ike: [IKE],
        esp: [ESP],
        initiate: role === 'initiator',
        auth,
      })
      await ours.api.ask('POST', '/v1/peers', document)
      return role === 'responder' ? swan.initiate('net') : { code: 0 }
    }

    async function carries(t: Equal, way: Way): Promise<void> {
      t.equal((await begin(way)).code, 0)
      const there = ADDRESSES.host.B[4]
      await until(
        'ping from host to host',
        30_000,
        async () => (await ping(lab.at.hostA, there)).received === 1,
      )
      const [sa] = (await ours.api.tunnel(NAME)).ike
      // As responder: strongSwan said that its negotiation came to an end; a packet that waited may have begun ours, too.
      if (way.role === 'initiator') t.equal(sa?.role, way.role)
      t.equal(sa?.remoteId, id('B'))
    }

    for (const [kind, remote, rsaSignature] of [
      ['RSA 2048', 'pubkey', 'pss'],
      ['RSA 2048', 'rsa/pss-sha256', 'pss'],
      ['RSA 4096', 'pubkey', 'pkcs1'],
      ['ECDSA P-256', 'pubkey', undefined],
      ['ECDSA P-384', 'pubkey', undefined],
      ['Ed25519', 'pubkey', undefined],
    ] as const) {
      await t.test(`RFC 7427 §3: ${kind}, ours by ${rsaSignature ?? kind}, theirs by ${remote}`, async t => {
        await pairOf(kind)
        const auth = { ...both(), ...(rsaSignature && { rsaSignature }) }
        for (const role of ['initiator', 'responder'] as const)
          await carries(t, { role, auth, theirs: { local: remote, remote: 'pubkey', certificate: 'b.pem' } })
      })
    }

    await t.test('RFC 7296 §2.15: one end by PSK, the other by a certificate', async t => {
      for (const role of ['initiator', 'responder'] as const) {
        const { certificate: pem, privateKey } = certificate()
        const own = { method: 'certificate', certificate: pem, privateKey, remoteMethod: 'psk', psk: PSK }
        await carries(t, { role, auth: own, theirs: { local: 'psk', remote: 'pubkey' } })
        const theirs = {
          method: 'psk',
          psk: PSK,
          remoteMethod: 'certificate',
          trustAnchors: [pki.text('ca.pem')],
        }
        await carries(t, {
          role,
          auth: theirs,
          theirs: { local: 'pubkey', remote: 'psk', certificate: 'b.pem' },
        })
      }
    })

    for (const [what, code, wish] of [
      ['expired', 'BRUNEL_IKE_CERTIFICATE_EXPIRED', { san: id('B'), more: past }],
      ['of another name', 'BRUNEL_IKE_CERTIFICATE_IDENTITY', { san: 'somebody.lab' }],
    ] as const) {
      await t.test(`RFC 7296 §2.21.2: a certificate that is ${what} is refused, and we say why`, async t => {
        await pki.certificate('bad', 'ca', 'ECDSA P-256', wish)
        useTheirs('bad')
        for (const role of ['initiator', 'responder'] as const) {
          await begin({
            role,
            auth: both(),
            theirs: { local: 'pubkey', remote: 'pubkey', certificate: 'b.pem' },
          })
          await until('refused', 30_000, async () => (await ours.api.tunnel(NAME)).lastFailure !== null)
          const { lastFailure } = await ours.api.tunnel(NAME)
          t.equal(lastFailure?.code, code, `as ${role}: ${lastFailure?.sentence}`)
          await swan.without('children')
        }
      })
    }

    await t.test(
      'RFC 7296 §3.5, §3.6: RSA here and ECDSA there, each below an intermediate authority',
      async t => {
        await pki.authority('middle', 'ECDSA P-384', 'ca')
        await pki.certificate('a', 'middle', 'RSA 2048', { san: id('A') })
        await pki.certificate('b', 'middle', 'ECDSA P-256', { san: id('B') })
        useTheirs('b')
        swanctl('x509ca', 'middle.pem')
        const chain = `${pki.text('a.pem')}${pki.text('middle.pem')}`
        const auth = { ...both(), certificate: chain }
        for (const role of ['initiator', 'responder'] as const)
          await carries(t, {
            role,
            auth,
            theirs: { local: 'pubkey', remote: 'pubkey', certificate: 'b.pem' },
          })
      },
    )
  },
)
