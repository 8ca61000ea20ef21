import { type Millis, millis } from '@brunel/base'
import {
  ENCRYPTIONS,
  type EspProposal,
  GROUPS,
  type IkeProposal,
  INTEGRITIES,
  KEMS,
  PRFS,
} from '@brunel/crypto'
import type { IkePeer, Mode, OwnProof, TheirProof } from '@brunel/ikev2'
import { TOY_TRUST, TOY_WEB, toyProof } from './toy-certification.js'

/** What two routers of a simulation agree on, and what each wants of it. */
export interface PeerWishes {
  readonly initiate: boolean
  readonly ikeLifetime: Millis
  readonly espLifetime: Millis
  readonly liveness: Millis
  readonly mode: Mode
  readonly encapsulation: 'auto' | 'udp' | 'none'
  /** Names of groups, in order of preference; the two ends may order them differently. */
  readonly groups: readonly string[]
  readonly pfs: boolean
  /** Names of KEMs, each an additional key exchange of the first proposal: RFC 9370. */
  readonly kems?: readonly string[]
  /** The proposal with them is the last. */
  readonly plainFirst?: boolean
  /** `kems` for children that CREATE_CHILD_SA makes; needs `pfs`. */
  readonly childKems?: readonly string[]
  readonly cbc: boolean
  /** The first child after IKE_AUTH, RFC 6023; left out: in it. */
  /** MOBIKE, and whether a new address of the peer is checked: RFC 4555 §3.7. */
  readonly mobike?: 'checked' | 'unchecked' | undefined
  readonly childless?: boolean
  readonly psk: string
  /** How this end proves itself and how it wants the other one to: by the shared key unless it says otherwise. */
  readonly own?: Method
  readonly theirs?: Method
  /** Certificates go by hash and URL, RFC 7296 §3.6. */
  readonly hashAndUrl?: boolean
  /** A post-quantum pre-shared key, RFC 8784; left out: none. */
  readonly ppk?: { readonly id: string; readonly required: boolean } | undefined
  /** What its own path takes inside the tunnel; left out: it tells nothing of it. */
  readonly innerMtu?: number | undefined
}

/** `certificate of a stranger`: a good one, by an authority that nobody trusts. */
export type Method = 'psk' | 'certificate' | 'certificate of a stranger'

export const WISHES: PeerWishes = {
  initiate: true,
  ikeLifetime: millis(4 * 3600_000),
  espLifetime: millis(3600_000),
  liveness: millis(10_000),
  mode: 'tunnel',
  encapsulation: 'auto',
  groups: ['x25519'],
  pfs: true,
  cbc: false,
  psk: 'shield',
}

/** A transform by its name; a wrong name is a mistake of the test. */
function named<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const found = all.find(one => one.name === name)
  if (found === undefined) throw new Error(`no transform ${name}`)
  return found
}

export function ikeProposals({
  cbc,
  groups,
  kems = [],
  plainFirst = false,
}: Pick<PeerWishes, 'cbc' | 'groups' | 'kems' | 'plainFirst'>): readonly IkeProposal[] {
  const shared = { groups: groups.map(name => named(GROUPS, name)) }
  const gcm = {
    ...shared,
    encryption: [named(ENCRYPTIONS, 'aes256gcm16')],
    integrity: [],
    prf: [named(PRFS, 'prfsha384')],
  }
  const mac = {
    ...shared,
    encryption: [named(ENCRYPTIONS, 'aes256')],
    integrity: [named(INTEGRITIES, 'sha256')],
    prf: [named(PRFS, 'prfsha256')],
  }
  const plain = cbc ? [mac, gcm] : [gcm, mac]
  if (kems.length === 0) return plain
  const hybrid = { ...gcm, additional: kems.map(name => [named(KEMS, name)]) }
  return plainFirst ? [...plain, hybrid] : [hybrid, ...plain]
}

export function espProposals({
  cbc,
  groups,
  pfs,
  childKems = [],
}: Pick<PeerWishes, 'cbc' | 'groups' | 'pfs' | 'childKems'>): readonly EspProposal[] {
  const shared = { groups: pfs ? groups.map(name => named(GROUPS, name)) : [] }
  const gcm = {
    ...shared,
    encryption: [named(ENCRYPTIONS, 'aes256gcm16')],
    integrity: [],
    esn: [true, false],
  }
  const mac = {
    ...shared,
    encryption: [named(ENCRYPTIONS, 'aes256')],
    integrity: [named(INTEGRITIES, 'sha256')],
    esn: [false],
  }
  const plain = cbc ? [mac, gcm] : [gcm, mac]
  if (!pfs || childKems.length === 0) return plain
  return [{ ...gcm, additional: childKems.map(name => [named(KEMS, name)]) }, ...plain]
}

/** A router as its peer must know it. `address` undefined: it comes from wherever it is (`any`). */
export interface Place {
  readonly name: string
  readonly address: string | undefined
}

export function peerOf(self: Place, other: Place, wishes: PeerWishes): IkePeer {
  return {
    name: other.name,
    localAddress: self.address,
    remoteAddress: other.address,
    localId: { type: 'fqdn', text: `${self.name}.example.net` },
    remoteId: { type: 'fqdn', text: `${other.name}.example.net` },
    auth: authOf(self, wishes),
    ppk: wishes.ppk && {
      id: new TextEncoder().encode(wishes.ppk.id),
      secret: new TextEncoder().encode('helmet'),
      required: wishes.ppk.required,
    },
    initiate: wishes.initiate && other.address !== undefined,
    ...(wishes.innerMtu === undefined ? {} : { innerMtu: wishes.innerMtu }),
    ike: {
      proposals: ikeProposals(wishes),
      lifetime: wishes.ikeLifetime,
      liveness: wishes.liveness,
      childless: wishes.childless ?? false,
      mobike: wishes.mobike && { returnRoutability: wishes.mobike === 'checked' },
    },
    esp: {
      proposals: espProposals(wishes),
      mode: wishes.mode,
      lifetime: wishes.espLifetime,
      encapsulation: wishes.encapsulation,
    },
    selectors: undefined,
  }
}

function authOf({ name }: Place, wishes: PeerWishes): IkePeer['auth'] {
  const { psk, own = 'psk', theirs = 'psk', hashAndUrl = false } = wishes
  const shared = { method: 'psk', psk: new TextEncoder().encode(psk) } as const
  if (own === 'psk' && theirs === 'psk') return shared
  const proof = toyProof(`${name}.example.net`, own === 'certificate' ? 'CA' : 'another CA')
  const published = { urls: [`${TOY_WEB}${name}`], bundle: undefined }
  const ours: OwnProof = own === 'psk' ? shared : hashAndUrl ? { ...proof, published } : proof
  const trust = hashAndUrl ? { ...TOY_TRUST, hashAndUrl: [TOY_WEB] } : TOY_TRUST
  const wanted: TheirProof = theirs === 'psk' ? shared : trust
  return { method: 'certificate', own: ours, theirs: wanted }
}
