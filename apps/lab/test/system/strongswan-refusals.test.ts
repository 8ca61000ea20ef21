/** Ours and strongSwan 5.9.8 that cannot agree: what each cause is called, in both roles. */
import { join } from 'node:path'
import t from 'tap'
import { ADDRESSES, Topology } from '../../src/net/topology.js'
import { until } from '../../src/net/until.js'
import { Bruneld } from '../../src/peers/bruneld.js'
import { id, type PeerWish, PSK, peerDocument } from '../../src/peers/peer-document.js'
import { StrongSwan, withoutStrongSwan } from '../../src/peers/strongswan.js'
import type { SwanConnection } from '../../src/peers/swanctl-conf.js'
import { noLab, owned, tail } from './gear.js'

const NAME = 'site-b'
const IKE = 'aes128gcm16-prfsha256-x25519'
const ESP = 'aes128gcm16'

const theirs: SwanConnection = {
  name: 'net',
  local: { address: ADDRESSES.wan.B[4], id: id('B') },
  remote: { address: ADDRESSES.wan.A[4], id: id('A') },
  psk: PSK,
  ike: IKE,
  esp: ESP,
  mode: 'tunnel',
}

interface Said {
  readonly code: RegExp
  readonly says: RegExp
  readonly remedy?: RegExp
}
interface Cause {
  readonly what: string
  readonly ours?: Partial<PeerWish>
  readonly swan?: Partial<SwanConnection>
  readonly initiator?: Said
  readonly responder?: Said
}

const CAUSES: readonly Cause[] = [
  {
    what: 'the PSKs differ',
    swan: { psk: 'another-secret-than-ours' },
    initiator: { code: /AUTHENTICATION_REFUSED/, says: /by PSK: the PSKs differ/ },
    responder: { code: /WRONG_PSK/, says: /proved a PSK that is not ours/, remedy: /auth\.psk/ },
  },
  {
    what: 'strongSwan has another identity',
    swan: { local: { address: ADDRESSES.wan.B[4], id: 'other.lab' } },
    initiator: { code: /AUTHENTICATION_REFUSED|WRONG_ID/, says: /site-b\.lab|site-a\.lab/ },
    responder: {
      code: /WRONG_ID/,
      says: /says it is other\.lab; we expect site-b\.lab/,
      remedy: /remote\.id/,
    },
  },
  {
    what: 'strongSwan expects another identity of us',
    swan: { remote: { address: ADDRESSES.wan.A[4], id: 'expected.lab' } },
    initiator: { code: /AUTHENTICATION_REFUSED/, says: /as site-a\.lab by PSK/ },
    responder: {
      code: /AUTHENTICATION_REFUSED/,
      says: /proved the same PSK as ours and then refused us: it does not accept site-a\.lab/,
      remedy: /local\.id/,
    },
  },
  {
    what: 'strongSwan wants a certificate of us',
    swan: { auth: { local: 'psk', remote: 'pubkey' } },
    initiator: { code: /AUTHENTICATION_REFUSED/, says: /it wants a certificate of us/ },
  },
  {
    what: 'no IKE proposal in common',
    swan: { ike: 'aes128gcm16-prfsha256-ecp384' },
    initiator: { code: /PROPOSAL_REFUSED/, says: /none of our IKE proposals/ },
    responder: {
      code: /NO_COMMON_PROPOSAL/,
      says: /key exchange: x25519 here, ecp384 there/,
      remedy: /Add "aes128gcm16-prfsha256-ecp384" to ike\.proposals here, or "aes128gcm16-prfsha256-x25519"/,
    },
  },
  {
    what: 'strongSwan offers an IKE group that is too weak',
    swan: { ike: 'aes128-sha256-modp1024' },
    initiator: { code: /PROPOSAL_REFUSED/, says: /none of our IKE proposals/ },
    responder: { code: /NO_COMMON_PROPOSAL/, says: /modp1024 there/, remedy: /not accepted here/ },
  },
  {
    what: 'no ESP proposal in common',
    swan: { esp: 'aes256-sha256' },
    initiator: { code: /ESP_PROPOSAL_REFUSED/, says: /none of our ESP proposals/ },
    responder: {
      code: /NO_COMMON_ESP_PROPOSAL/,
      says: /encryption: aes128gcm16 here, aes256 there; integrity: none here, sha256 there/,
      remedy: /Add "aes256-sha256" to esp\.proposals here, or "aes128gcm16"/,
    },
  },
  {
    what: 'strongSwan selects networks, not GRE between the routers',
    swan: { selectors: ['10.2.0.0/24', '10.1.0.0/24'] },
    initiator: { code: /TS_UNACCEPTABLE/, says: /none of our traffic selectors/ },
    responder: {
      code: /TS_DIFFER/,
      says: /192\.0\.2\.2\[gre\] here, 10\.1\.0\.0\.\.10\.1\.0\.255\[any\] there/,
      remedy: /198\.51\.100\.2\[gre\] on its side and 192\.0\.2\.2\[gre\] on ours/,
    },
  },
  {
    what: 'RFC 9395 §2: strongSwan speaks IKEv1',
    swan: { version: 1, ike: 'aes128-sha256-modp2048' },
    initiator: { code: /PROPOSAL_REFUSED|PEER_SILENT|REFUSED/, says: /./ },
    responder: {
      code: /VERSION_1/,
      says: /speaks IKEv1 \(Main Mode from 198\.51\.100\.2\)/,
      remedy: /strongSwan "version = 2" in swanctl\.conf/,
    },
  },
  {
    what: 'RFC 9395 §2: strongSwan speaks IKEv1 in Aggressive Mode',
    swan: { version: 1, ike: 'aes128-sha256-modp2048', connection: ['aggressive = yes'] },
    responder: { code: /VERSION_1/, says: /speaks IKEv1 \(Aggressive Mode from 198\.51\.100\.2\)/ },
  },
]

t.test('Brunel and strongSwan that cannot agree', { skip: noLab() || withoutStrongSwan() }, async t => {
  const lab = owned(t, await Topology.build())
  const ours = new Bruneld(lab.at.routerA, join(lab.folder, 'ours'))
  const swan = new StrongSwan(lab.at.routerB, join(lab.folder, 'swan'))
  t.teardown(async () => {
    if (!t.passing()) t.comment(`bruneld:\n${tail(ours.log())}\nstrongSwan:\n${tail(swan.log())}`)
  })
  await ours.start()
  lab.cleanup.add('bruneld', () => ours.stop())
  await swan.start([])
  lab.cleanup.add('charon', () => swan.stop())

  for (const { what, ours: wish, swan: change, ...roles } of CAUSES)
    for (const role of ['initiator', 'responder'] as const) {
      const said = roles[role]
      if (said === undefined) continue
      await t.test(`${what}: ours is the ${role}`, async t => {
        await ours.api.send('DELETE', `/v1/peers/${NAME}`)
        await swan.control('--terminate', '--ike', 'net', '--force')
        await swan.load([{ ...theirs, ...change }])
        const initiate = role === 'initiator'
        const document = peerDocument({ side: 'A', ike: [IKE], esp: [ESP], ...wish, initiate })
        await ours.api.ask('POST', '/v1/peers', document)
        const trying = initiate ? undefined : swan.control('--initiate', '--child', 'net', '--timeout', '3')
        const failure = await until('the reason', 30_000, async () => {
          const { lastFailure } = await ours.api.tunnel(NAME)
          return lastFailure !== null && said.code.test(lastFailure.code) ? lastFailure : undefined
        }).catch(async (error: Error) => {
          const { lastFailure } = await ours.api.tunnel(NAME)
          throw new Error(`${error.message}; it says ${JSON.stringify(lastFailure)}`)
        })
        t.match(failure.sentence, said.says)
        if (said.remedy !== undefined) t.match(failure.remedy, said.remedy)
        t.notMatch(JSON.stringify(failure), new RegExp(PSK), 'never a secret')
        t.match(ours.log(), new RegExp(failure.code))
        await trying
      })
    }

  await t.test('IKEv1 is counted by name', async t => {
    t.ok(((await ours.api.drops())['ike-v1'] ?? 0) >= 2)
  })
})
