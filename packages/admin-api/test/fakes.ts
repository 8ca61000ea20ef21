import { redact, type SecretKind, secretsOf } from '@brunel/config'
import type {
  ActionOptions,
  ActionReport,
  AuditEntry,
  AuditLog,
  AuditRecord,
  DropReport,
  OspfFinding,
  OspfNeighbour,
  PeerStore,
  PeerWrite,
  RekeyWhat,
  RelayReport,
  Role,
  RouterControl,
  RouterEvent,
  StoredPeer,
  TokenReport,
  TokenStore,
  TunnelAction,
  TunnelRelayReport,
  TunnelReport,
} from '../src/index.js'

/** The ports of the API in memory, for its tests and for those of its clients. */

const AT = '2026-01-02T03:04:05.000Z'

export class FakeAudit implements AuditLog {
  readonly records: AuditRecord[] = []
  append(entry: AuditEntry): void {
    this.records.unshift({ id: this.records.length + 1, at: AT, ...entry })
  }
  list(limit: number, before = Number.MAX_SAFE_INTEGER): readonly AuditRecord[] {
    return this.records.filter(({ id }) => id < before).slice(0, limit)
  }
}

export class FakePeers implements PeerStore {
  readonly peers = new Map<string, StoredPeer>()
  readonly secrets = new Map<string, string>()
  #before: { name: string; peer: StoredPeer | undefined } | undefined
  #revision = 0
  readonly #audit: FakeAudit

  constructor(audit: FakeAudit) {
    this.#audit = audit
  }

  list(): readonly StoredPeer[] {
    return [...this.peers.values()]
  }
  read(name: string): StoredPeer | undefined {
    return this.peers.get(name)
  }
  hasSecret(name: string, kind: SecretKind): boolean {
    return this.secrets.has(kind === 'psk' ? name : `${name} ${kind}`)
  }
  holdsKeyOf(): undefined {
    return undefined
  }
  write({ document, expected, audit }: PeerWrite): StoredPeer | 'conflict' {
    const { name } = document
    if (expected !== undefined && (this.peers.get(name)?.revision ?? 0) !== expected) return 'conflict'
    for (const [kind, secret] of Object.entries(secretsOf(document)))
      this.secrets.set(kind === 'psk' ? name : `${name} ${kind}`, secret)
    this.#before = { name, peer: this.peers.get(name) }
    const stored = {
      document: redact(document),
      revision: ++this.#revision,
      changedAt: AT,
    }
    this.peers.set(name, stored)
    this.#audit.append(audit)
    return stored
  }
  remove(name: string, expected: number | undefined, audit: AuditEntry): 'removed' | 'missing' | 'conflict' {
    const peer = this.peers.get(name)
    if (peer === undefined) return 'missing'
    if (expected !== undefined && peer.revision !== expected) return 'conflict'
    this.#before = { name, peer }
    this.peers.delete(name)
    this.#audit.append(audit)
    return 'removed'
  }
  undo(name: string, _revision: number, audit: AuditEntry): void {
    const before = this.#before?.name === name ? this.#before.peer : undefined
    if (before === undefined) this.peers.delete(name)
    else this.peers.set(name, before)
    this.#audit.append(audit)
  }
}

export const TOKENS: Readonly<Record<Role, string>> = {
  admin: 'token-a',
  read: 'token-r',
  metrics: 'token-m',
}

export class FakeTokens implements TokenStore {
  readonly rows = new Map<string, TokenReport & { secret: string }>()
  readonly #audit: FakeAudit

  constructor(audit: FakeAudit) {
    this.#audit = audit
    for (const role of ['admin', 'read', 'metrics'] as const) this.#put(role, role, TOKENS[role])
  }
  #put(name: string, role: Role, secret: string) {
    const row = { name, role, createdAt: AT, lastUsedAt: null, secret }
    this.rows.set(name, row)
    return row
  }
  list(): readonly TokenReport[] {
    return [...this.rows.values()].map(({ secret: _, ...row }) => row)
  }
  create(name: string, role: Role, audit: AuditEntry) {
    if (this.rows.has(name)) return 'exists' as const
    this.#audit.append(audit)
    return this.#put(name, role, `made-${name}`)
  }
  remove(name: string, audit: AuditEntry): 'removed' | 'missing' | 'last-admin' {
    const row = this.rows.get(name)
    if (row === undefined) return 'missing'
    const admins = [...this.rows.values()].filter(({ role }) => role === 'admin')
    if (row.role === 'admin' && admins.length === 1) return 'last-admin'
    this.rows.delete(name)
    this.#audit.append(audit)
    return 'removed'
  }
  authenticate(presented: string): { name: string; role: Role } | undefined {
    return [...this.rows.values()].find(({ secret }) => secret === presented)
  }
}

const layer = (detail: string) => ({ state: 'up' as const, detail })
const traffic = { packets: 10, bytes: 10_240, lastAt: AT }

const NO_REKEYS = { begun: 0, finished: 0, answered: 0, crossed: 0, redundant: 0, deferred: 0 }

/** A tunnel in which everything is well. */
export const tunnelReport = (name: string, more: Partial<TunnelReport> = {}): TunnelReport => ({
  name,
  peer: name,
  interface: 'gre7',
  enabled: true,
  state: 'up',
  detail: 'Data crosses both ways.',
  since: AT,
  retryAt: null,
  local: '192.0.2.1',
  remote: '198.51.100.7',
  addresses: ['10.255.0.1/30'],
  routes: ['10.7.0.0/16'],
  layers: {
    underlay: layer('198.51.100.7 is reached over eth0.'),
    ike: layer('Established.'),
    esp: layer('Installed.'),
    gre: layer('Key 7.'),
    mtu: layer('1422.'),
    routing: layer('One route.'),
  },
  ike: [
    {
      spiInitiator: '00112233445566aa',
      spiResponder: '00112233445566bb',
      role: 'initiator',
      state: 'established',
      suite: 'aes256gcm16-prfsha384-x25519',
      localId: 'hq.example.net',
      remoteId: 'branch-7.example.net',
      local: '192.0.2.1:4500',
      remote: '198.51.100.7:4500',
      nat: { local: false, remote: true },
      certificate: {
        subject: 'CN=branch-7',
        issuer: 'CN=CA',
        serial: '0a',
        url: 'http://pki.example.net/certs/branch-7.der',
        revocation: { state: 'good', detail: 'the revocation list of "CN=CA"', until: null },
      },
      mobike: { local: [], remote: ['203.0.113.8'] },
      ppk: null,
      establishedAt: AT,
      rekeyAt: AT,
      children: [
        {
          spiIn: '0000aaaa',
          spiOut: '0000bbbb',
          state: 'installed',
          suite: 'aes256gcm16',
          mode: 'tunnel',
          modeReason: 'the peer refused transport mode',
          esn: true,
          encapsulation: 'udp',
          localSelectors: ['192.0.2.1/32[gre]'],
          remoteSelectors: ['198.51.100.7/32[gre]'],
          establishedAt: AT,
          rekeyAt: null,
          inbound: traffic,
          outbound: traffic,
          replayMisses: 0,
        },
      ],
    },
  ],
  counters: { inbound: traffic, outbound: traffic, mssClamped: 2, replayMisses: 0 },
  endedSas: {
    leaving: 0,
    inbound: { sas: 1, packets: 10, missing: 0 },
    outbound: { sas: 1, packets: 10, missing: 0 },
  },
  rekeys: { ike: NO_REKEYS, child: NO_REKEYS },
  mtu: {
    underlay: 1500,
    tunnel: 1414,
    own: 1414,
    theirs: null,
    elsewhere: [],
    mss: { ipv4: 1374, ipv6: 1354 },
    lines: ['1500 underlay', '1414 tunnel'],
  },
  relay: null,
  lastFailure: null,
  ...more,
})

/** A tunnel whose peer has another secret. */
export const failedReport = (name: string): TunnelReport =>
  tunnelReport(name, {
    state: 'down',
    detail: 'IKE failed.',
    ike: [],
    retryAt: AT,
    lastFailure: {
      code: 'BRUNEL_IKE_AUTHENTICATION_FAILED',
      sentence: 'The peer has another pre-shared key.',
      evidence: { 'our identity': 'hq.example.net', 'their offers': ['a', 'b'] },
      remedy: 'Write the same auth.psk on both routers.',
      at: AT,
    },
  })

const neighbour = (
  port: string,
  address: string,
  routerId: string,
  [otherId, otherAddress]: readonly [string, string],
): OspfNeighbour => ({
  port,
  address,
  version: 2,
  instance: 0,
  routerId,
  area: '0.0.0.0',
  authentication: 'none',
  hello: {
    helloInterval: 10,
    deadInterval: 40,
    mask: '255.255.255.0',
    areaKind: 'normal',
    options: 2,
    priority: 1,
    designatedRouter: '10.1.0.2',
    backupDesignatedRouter: '10.1.0.1',
    neighbours: [otherId],
  },
  mtu: 1500,
  heardAt: AT,
  silentSince: null,
  states: [{ routerId: otherId, address: otherAddress, state: 'Full' }],
})

const HERE = neighbour('lan', '10.1.0.1', '1.1.1.1', ['2.2.2.2', '10.1.0.2'])
const THERE: OspfNeighbour = {
  ...neighbour('tunnel:branch-7', '10.1.0.2', '2.2.2.2', ['1.1.1.1', '10.1.0.1']),
  mtu: 9000,
  states: [{ routerId: '1.1.1.1', address: '10.1.0.1', state: 'ExStart' }],
}

const OTHER_MTU: OspfFinding = {
  code: 'BRUNEL_OSPF_MTU',
  sentence: '10.1.0.2 announces an MTU of 9000, 10.1.0.1 one of 1500 and refuses it.',
  remedy: 'Set the lower MTU on both interfaces.',
  sides: [
    { port: 'lan', address: '10.1.0.1', routerId: '1.1.1.1', value: '1500' },
    { port: 'tunnel:branch-7', address: '10.1.0.2', routerId: '2.2.2.2', value: '9000' },
  ],
  since: AT,
}

/** A relay that joins one tunnel to eth1; the routers at its two ends differ in their MTU. */
export const relayReport = (more: Partial<RelayReport> = {}): RelayReport => ({
  interface: 'eth1',
  group: 'backbone',
  id: '00112233445566aa',
  problem: null,
  warnings: [],
  ports: [
    { port: 'lan', tunnel: null, state: 'forwarding', received: 12, sent: 11, farRelay: null, routes: 1 },
    {
      port: 'tunnel:branch-7',
      tunnel: 'branch-7',
      state: 'forwarding',
      received: 11,
      sent: 12,
      farRelay: '00112233445566bb',
      routes: 0,
    },
  ],
  lanRelays: [],
  sources: [
    { address: '10.1.0.1', port: 'lan' },
    { address: '10.1.0.2', port: 'tunnel:branch-7' },
  ],
  neighbours: [HERE, THERE],
  routes: [
    {
      port: 'lan',
      to: '10.7.0.0/16',
      via: 'tunnel:branch-7',
      neighbour: '10.1.0.2',
      kind: 'intra-area',
      cost: 10,
    },
  ],
  areas: [{ version: 2, instance: 0, area: '0.0.0.0', lsas: 3, missing: 0, missingNames: [] }],
  findings: [OTHER_MTU],
  unread: [{ reason: 'ospf-checksum', count: 1 }],
  drops: [{ port: 'lan', reason: 'relay-duplicate', count: 2 }],
  ...more,
})

/** The same as its tunnel shows it. */
export const tunnelRelay = (more: Partial<TunnelRelayReport> = {}): TunnelRelayReport => ({
  interface: 'eth1',
  group: 'backbone',
  state: 'forwarding',
  farRelay: '00112233445566bb',
  problem: null,
  neighbours: [THERE],
  findings: [OTHER_MTU],
  ...more,
})

export class FakeRouter implements RouterControl {
  reports: TunnelReport[] = [tunnelReport('branch-7')]
  relayReports: RelayReport[] = []
  readonly applied: unknown[] = []
  /** What each `rekey` was to renew. */
  readonly rekeyed: RekeyWhat[] = []
  /** How often each `ping` was to ask. */
  readonly pinged: string[] = []
  /** What `apply` throws, if anything. */
  refusal: Error | undefined
  ready = true
  warnings: { code: string; detail: string; remedy: string }[] = []
  readonly listeners = new Set<(event: RouterEvent) => void>()

  async tunnels(): Promise<readonly TunnelReport[]> {
    return this.reports
  }
  async tunnel(name: string): Promise<TunnelReport | undefined> {
    return this.reports.find(report => report.name === name)
  }
  async act(
    name: string,
    action: TunnelAction,
    { what, count, interval }: ActionOptions,
  ): Promise<ActionReport | undefined> {
    if ((await this.tunnel(name)) === undefined) return undefined
    if (action === 'rekey') this.rekeyed.push(what)
    if (action === 'ping') this.pinged.push(`${count} x ${interval} ms`)
    if (action === 'reauthenticate') {
      const [code, remedy] = ['BRUNEL_ACTION_NOT_AVAILABLE', 'Take the tunnel down and up.']
      return { done: false, detail: 'Reauthentication is not available yet.', code, remedy, data: {} }
    }
    return { done: true, detail: `${action} is done.`, code: null, remedy: null, data: { milliseconds: 3 } }
  }
  async apply(steps: readonly unknown[]): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal
    this.applied.push(...steps)
  }
  async relays(): Promise<readonly RelayReport[]> {
    return this.relayReports
  }
  async drops(): Promise<DropReport[]> {
    return [
      { reason: 'esp-replay', direction: 'inbound', count: 3 },
      { reason: 'gre-loop', direction: 'outbound', count: 0 },
    ]
  }
  async metrics(): Promise<string> {
    return 'brunel_bugs_total 0\n'
  }
  async health() {
    return { ready: this.ready, warnings: this.warnings }
  }
  subscribe(listener: (event: RouterEvent) => void): () => void {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }
  tell(event: string): void {
    for (const listener of this.listeners)
      listener({ at: AT, event, tunnel: 'branch-7', detail: event, data: {} })
  }
}

export const fakePorts = () => {
  const audit = new FakeAudit()
  return { audit, peers: new FakePeers(audit), tokens: new FakeTokens(audit), router: new FakeRouter() }
}
