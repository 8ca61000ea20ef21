import { Ike as Wire } from '@brunel/wire'
import t from 'tap'
import type { Failure } from '../src/contract.js'
import { tamper } from './forge.js'
import { Lab, type PeerChange } from './lab.js'
import { inside, resealed } from './wire-tap.js'

/** Causes, and what each router says of them: as initiator (A) and as responder (B). */
interface Cause {
  readonly what: string
  readonly a?: Partial<PeerChange>
  readonly b: Partial<PeerChange>
  /** On the way to B, and to A. */
  readonly change?: readonly [
    begins: string,
    (p: readonly Wire.PlainPayload[]) => readonly Wire.PlainPayload[],
  ]
  readonly initiator?: Said
  readonly responder?: Said
}
interface Said {
  readonly code: string
  readonly says: RegExp
  readonly remedy?: RegExp
  readonly evidence?: Readonly<Record<string, unknown>>
}

const IKE = 'aes256gcm16-prfsha384-x25519'
const net = (address: string) => [
  { protocol: 0, startPort: 0, endPort: 65535, startAddress: address, endAddress: address },
]
const REFUSED: Said = {
  code: 'AUTHENTICATION_REFUSED',
  says: /as a\.example\.net by PSK: the PSKs differ, it does not know that identity/,
  evidence: { localId: 'a.example.net', remoteId: 'b.example.net', ourMethod: 'psk' },
}

const CAUSES: readonly Cause[] = [
  {
    what: 'IKE: another group, and nothing else',
    a: { ike: [IKE] },
    b: { ike: ['aes256gcm16-prfsha384-ecp384', 'aes128-sha256-modp2048'] },
    initiator: { code: 'PROPOSAL_REFUSED', says: /none of our IKE proposals/, evidence: { ours: [IKE] } },
    responder: {
      code: 'NO_COMMON_PROPOSAL',
      says: /the nearest two differ in this: key exchange: ecp384 here, x25519 there\./,
      remedy:
        /^Add "aes256gcm16-prfsha384-x25519" to ike\.proposals here, or "aes256gcm16-prfsha384-ecp384" to those of the other router\.$/,
      evidence: {
        ours: ['aes256gcm16-prfsha384-ecp384', /modp2048/],
        theirs: [IKE],
        nearest: ['ours: aes256gcm16-prfsha384-ecp384', `theirs: ${IKE}`],
        differs: ['key exchange: ecp384 here, x25519 there'],
      },
    },
  },
  {
    what: 'IKE: another cipher and another PRF, the group in common',
    a: { ike: ['aes128gcm16-prfsha256-x25519-ecp256'] },
    b: { ike: ['chacha20poly1305-prfsha512-ecp256'] },
    responder: {
      code: 'NO_COMMON_PROPOSAL',
      says: /encryption: chacha20poly1305 here, aes128gcm16 there; PRF: prfsha512 here, prfsha256 there/,
      remedy:
        /Add "aes128gcm16-prfsha256-ecp256" to ike\.proposals here, or "chacha20poly1305-prfsha512-ecp256"/,
    },
  },
  {
    what: 'IKE: the other router offers what is too weak for us',
    a: { ike: ['aes256-sha256-modp2048'] },
    b: { ike: ['aes256-sha256-modp2048'] },
    change: [
      'A IKE_SA_INIT request',
      payloads =>
        payloads.map(p =>
          p.type === 'SA'
            ? {
                ...p,
                proposals: p.proposals.map(one => ({
                  ...one,
                  transforms: one.transforms.map(x => (x.type === 4 ? { ...x, id: 2 } : x)),
                })),
              }
            : p,
        ),
    ],
    responder: {
      code: 'NO_COMMON_PROPOSAL',
      says: /key exchange: modp2048 here, modp1024 there/,
      remedy:
        /^Add "[^"]*modp2048" to the IKE proposals of the other router; what it offers is not accepted here\.$/,
    },
  },
  {
    what: 'ESP: another cipher',
    a: { esp: ['aes256gcm16'] },
    b: { esp: ['aes128gcm16', 'chacha20poly1305'] },
    initiator: { code: 'ESP_PROPOSAL_REFUSED', says: /none of our ESP proposals/ },
    responder: {
      code: 'NO_COMMON_ESP_PROPOSAL',
      says: /the nearest two differ in this: encryption: aes128gcm16 here, aes256gcm16 there/,
      remedy: /Add "aes256gcm16" to esp\.proposals here, or "aes128gcm16" to those of the other router/,
    },
  },
  {
    what: 'ESP: extended sequence numbers',
    a: { esp: ['aes256gcm16-esn'] },
    b: { esp: ['aes256gcm16'] },
    responder: {
      code: 'NO_COMMON_ESP_PROPOSAL',
      says: /extended sequence numbers: noesn here, esn there/,
      remedy: /Add "aes256gcm16-esn" to esp\.proposals here, or "aes256gcm16" to those/,
    },
  },
  {
    what: 'selectors: other addresses',
    a: { selectors: { local: net('10.1.0.1'), remote: net('10.2.0.1') } },
    b: { selectors: { local: net('10.2.0.1'), remote: net('10.9.0.9') } },
    initiator: {
      code: 'TS_UNACCEPTABLE',
      says: /none of our traffic selectors/,
      evidence: { 'ours: local': ['10.1.0.1[any]'] },
    },
    responder: {
      code: 'TS_DIFFER',
      says: /nothing in common: on its side 10\.9\.0\.9\[any\] here, 10\.1\.0\.1\[any\] there\./,
      remedy: /Let the other router select 10\.9\.0\.9\[any\] on its side and 10\.2\.0\.1\[any\] on ours/,
      evidence: { 'ours: remote': ['10.9.0.9[any]'], 'theirs: remote': ['10.1.0.1[any]'] },
    },
  },
  {
    what: 'the PSKs differ',
    a: { psk: 'one' },
    b: { psk: 'two' },
    initiator: REFUSED,
    responder: {
      code: 'WRONG_PSK',
      says: /a\.example\.net proved a PSK that is not ours/,
      remedy: /auth\.psk/,
    },
  },
  {
    what: 'the initiator has another identity',
    a: { localId: 'x.example.net' },
    b: {},
    initiator: { ...REFUSED, says: /as x\.example\.net by PSK/, evidence: { localId: 'x.example.net' } },
    responder: {
      code: 'WRONG_ID',
      says: /says it is x\.example\.net; we expect a\.example\.net/,
      evidence: { expected: 'a.example.net', claimed: 'x.example.net' },
    },
  },
  {
    what: 'the responder has another identity',
    a: {},
    b: { localId: 'y.example.net' },
    initiator: { code: 'WRONG_ID', says: /says it is y\.example\.net; we expect b\.example\.net/ },
    responder: {
      code: 'AUTHENTICATION_REFUSED',
      says: /proved the same PSK as ours and then refused us: it does not accept y\.example\.net/,
      remedy: /Set local\.id/,
    },
  },
  {
    what: 'another method: the initiator signs',
    a: {},
    b: {},
    change: [
      'A IKE_AUTH request',
      payloads => payloads.map(p => (p.type === 'AUTH' ? { ...p, method: 14 } : p)),
    ],
    initiator: REFUSED,
    responder: {
      code: 'WRONG_METHOD',
      says: /proves itself by a certificate \(method 14\); we want a pre-shared key/,
      remedy: /auth\.method/,
    },
  },
]

function failureOf(lab: Lab, side: 'a' | 'b'): Failure | undefined {
  return lab[side].event('failed').find(({ why }) => !/SILENT/.test(why.code))?.why
}

for (const cause of CAUSES)
  t.test(`RFC 7296 §2.21.2: in words: ${cause.what}`, async t => {
    const lab = new Lab()
    if (cause.change !== undefined) {
      const [begins, change] = cause.change
      const clear = begins.includes('IKE_SA_INIT')
      tamper(lab, begins, bytes => {
        if (!clear) return resealed(bytes, change(inside(bytes) as readonly Wire.PlainPayload[]))
        const message = Wire.parseMessage(bytes)
        if (typeof message === 'string') throw new Error(message)
        return Wire.emitMessage(message.header, change(message.payloads as readonly Wire.PlainPayload[]))
      })
    }
    lab.both({ initiate: false, ...cause.a }, cause.b)
    lab.feed(lab.a, { on: 'up', peer: 'B' })
    lab.run(900)
    for (const [side, said] of [
      ['a', cause.initiator],
      ['b', cause.responder],
    ] as const) {
      if (said === undefined) continue
      const why = failureOf(lab, side)
      t.equal(why?.code, `BRUNEL_IKE_${said.code}`, side)
      t.match(why?.sentence, said.says)
      if (said.remedy !== undefined) t.match(why?.remedy, said.remedy)
      if (said.evidence !== undefined) t.match(why?.evidence, said.evidence)
      t.notMatch(JSON.stringify(why), /shield|"one"|"two"/, 'never a secret')
      t.equal(lab[side].ike.report(lab.other(lab[side]).name)?.lastFailure?.code, why?.code)
    }
    // What goes on the wire is nothing more than AUTHENTICATION_FAILED.
    const authentication = ['WRONG_PSK', 'WRONG_ID', 'WRONG_METHOD'].some(
      code => cause.responder?.code === code || cause.initiator?.code === code,
    )
    if (authentication)
      t.ok(
        lab.sent.some(d => / \{N\(AUTHENTICATION_FAILED\)\}$/.test(d.text)),
        'alone on the wire',
      )
  })
