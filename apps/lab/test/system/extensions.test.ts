/** Extensions of IKEv2 against strongSwan 5.9.8, in both roles: post-quantum pre-shared keys (RFC 8784), childless (RFC 6023). */
import { join } from 'node:path'
import t from 'tap'
import { ADDRESSES, Topology } from '../../src/net/topology.js'
import { ping } from '../../src/net/traffic.js'
import { until } from '../../src/net/until.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { startGreRouter } from '../../src/peers/gre-router.js'
import { id, type PeerWish, PSK, peerDocument } from '../../src/peers/peer-document.js'
import { StrongSwan, withoutStrongSwan } from '../../src/peers/strongswan.js'
import type { SwanConnection } from '../../src/peers/swanctl-conf.js'
import { noLab, owned, tail } from './gear.js'

const NAME = 'site-b'
const SUITE = { ike: 'aes256gcm16-prfsha384-x25519', esp: 'aes256gcm16-x25519' }
const PPK = { id: 'hq-branch', secret: 'post-quantum-and-shared-by-two-routers' }
const DEMANDED = { ...PPK, required: true }
const ROLES = ['initiator', 'responder'] as const
type Role = (typeof ROLES)[number]

t.test(
  'Brunel and strongSwan: extensions of IKEv2',
  { skip: noLab() || withoutStrongSwan(), timeout: 600_000 },
  async t => {
    const lab = owned(t, await Topology.build())
    const ours = new Bruneld(lab.at.routerA, join(lab.folder, 'ours'))
    const swan = new StrongSwan(lab.at.routerB, join(lab.folder, 'swan'))
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
    const report = () => ours.api.tunnel(NAME)

    async function begin(
      role: Role,
      wish: Partial<PeerWish>,
      theirs: Partial<SwanConnection>,
    ): Promise<number> {
      await ours.api.send('DELETE', `/v1/peers/${NAME}`)
      await swan.without('ike')
      const ends = {
        local: { address: ADDRESSES.wan.B[4], id: id('B') },
        remote: { address: ADDRESSES.wan.A[4], id: id('A') },
      }
      await swan.load([{ name: 'net', ...ends, psk: PSK, ...SUITE, mode: 'tunnel', ...theirs }])
      const document = peerDocument({
        side: 'A',
        greKey: 42,
        ike: [SUITE.ike],
        esp: [SUITE.esp],
        initiate: role === 'initiator',
        ...wish,
      })
      await ours.api.ask('POST', '/v1/peers', document)
      return role === 'responder' ? (await swan.initiate('net')).code : 0
    }

    const carries = (): Promise<unknown> =>
      until(
        'ping from host to host',
        30_000,
        async () => (await ping(lab.at.hostA, ADDRESSES.host.B[4])).received === 1,
      )

    for (const [what, our, their, used] of [
      ['optional on both ends', PPK, PPK, true],
      ['demanded by both ends', DEMANDED, DEMANDED, true],
      ['optional, and strongSwan has none', PPK, undefined, false],
      ['optional, and only strongSwan has one', undefined, PPK, false],
    ] as const)
      for (const role of ROLES)
        await t.test(`RFC 8784 §3: a PPK ${what}: ours is the ${role}`, async t => {
          t.equal(
            await begin(
              role,
              our === undefined ? {} : { ppk: our },
              their === undefined ? {} : { ppk: their },
            ),
            0,
          )
          await carries()
          const { ike, layers } = await report()
          t.equal(ike[0]?.role, role)
          t.equal(ike[0]?.ppk, used ? PPK.id : null)
          if (our !== undefined)
            t.match(layers.ike.detail, used ? /, PPK hq-branch\./ : /without the PPK hq-branch/)
          if (!used || role === 'responder') return
          await ours.api.ask('POST', `/v1/tunnels/${NAME}/rekey?what=ike`)
          await until('another IKE SA', 30_000, async () => {
            const { ike: now } = await report()
            return now.length === 1 && now[0]?.spiInitiator !== ike[0]?.spiInitiator
          })
          t.equal((await report()).ike[0]?.ppk, PPK.id, 'inherited by the rekey')
          await swan.control('--rekey', '--child', 'net')
          await carries()
        })

    const OTHER = { ...DEMANDED, id: 'another' }
    for (const [what, our, their, initiator, responder] of [
      [
        'that we demand and strongSwan has not',
        DEMANDED,
        undefined,
        'PPK_NOT_ANNOUNCED',
        'PPK_NOT_ANNOUNCED',
      ],
      ['that strongSwan demands and we have not', undefined, DEMANDED, 'AUTHENTICATION_REFUSED', undefined],
      ['of another name', DEMANDED, OTHER, 'AUTHENTICATION_REFUSED', 'PPK_ID_DIFFERS'],
      ['of another secret', PPK, { ...PPK, secret: `${PPK.secret}!` }, 'AUTHENTICATION_REFUSED', 'WRONG_PPK'],
    ] as const)
      for (const role of ROLES)
        await t.test(`RFC 8784 §3: a PPK ${what} is refused: ours is the ${role}`, async t => {
          const code = await begin(
            role,
            our === undefined ? {} : { ppk: our },
            their === undefined ? {} : { ppk: their },
          )
          const want = role === 'initiator' ? initiator : responder
          if (role === 'responder') t.not(code, 0)
          if (want !== undefined) {
            await until('a failure', 30_000, async () => (await report()).lastFailure !== null)
            const { lastFailure } = await report()
            t.equal(lastFailure?.code, `BRUNEL_IKE_${want}`)
          }
          await swan.without('children')
        })

    for (const childless of ['force', 'allow', 'never'] as const)
      for (const role of ROLES)
        await t.test(
          `RFC 6023 §3: strongSwan says childless = ${childless}: ours is the ${role}`,
          async t => {
            const before = swan.log().length
            const connection = [`childless = ${childless}`]
            t.equal(await begin(role, { childless: true }, { connection }), 0)
            await carries()
            const [sa] = (await report()).ike
            t.equal(sa?.role, role)
            t.equal(sa?.children.length, 1)
            const log = swan.log().slice(before)
            const apart = role === 'initiator' ? childless !== 'never' : childless === 'force'
            const direction = role === 'initiator' ? 'parsed' : 'generating'
            t.equal(
              new RegExp(`${direction} CREATE_CHILD_SA request 2 \\[ SA No KE TSi TSr`).test(log),
              apart,
            )
            t.equal(new RegExp(`${direction} IKE_AUTH request 1 \\[.* SA TSi TSr`).test(log), !apart)
          },
        )

    await t.test(
      'RFC 6023 §3: a strongSwan that forces it refuses our child in IKE_AUTH, and we ask again',
      async t => {
        await begin('initiator', {}, { connection: ['childless = force'] })
        await carries()
        const [sa] = (await report()).ike
        t.equal(sa?.children.length, 1)
      },
    )

    for (const role of ROLES)
      await t.test(
        `RFC 9370 §2.2.4: a strongSwan that knows no additional key exchange for children takes the plain proposal: ours is the ${role}`,
        async t => {
          const esp = [`${SUITE.esp}-ke1_mlkem768`, SUITE.esp]
          t.equal(await begin(role, { esp, childless: true }, {}), 0)
          await carries()
          for (const rekey of [
            () => ours.api.ask('POST', `/v1/tunnels/${NAME}/rekey`),
            () => swan.control('--rekey', '--child', 'net'),
          ]) {
            const before = (await report()).ike[0]?.children.map(child => child.spiIn) ?? []
            await rekey()
            await until('a new child', 30_000, async () => {
              const now = (await report()).ike[0]?.children ?? []
              return now.length === 1 && !before.includes(now[0]?.spiIn ?? '')
            })
            t.equal((await report()).ike[0]?.children[0]?.suite, 'aes256gcm16-x25519-noesn')
            await carries()
          }
        },
      )
  },
)
