import {
  assertNever,
  type IkeSpi,
  type Instant,
  isDrop,
  type Machine,
  type Random,
  type Tick,
} from '@brunel/base'
import type { Certification, Cryptography } from '@brunel/crypto'
import { Ike as Wire } from '@brunel/wire'
import * as actions from './actions.js'
import { Alarms } from './alarms.js'
import { ChildSpis } from './child-spis.js'
import type { IkeEffect, IkeInput, IkePeerReport } from './contract.js'
import { beginInit } from './exchanges/sa-init.js'
import { certificateNews, heldBy, revocationNews } from './held.js'
import { publishMtu } from './inner-mtu.js'
import { Lookups } from './lookups.js'
import { PeerControl } from './peer.js'
import { Peers } from './peers.js'
import { reportPeer } from './report.js'
import { ownQuestions, Revocations } from './revocations.js'
import type { IkeSa } from './sa.js'
import type { Ends, Incoming, SaHost } from './sa-stage.js'
import { DEFAULT_SETTINGS, type IkeSettings } from './settings.js'
import { Strangers } from './strangers.js'
import { Streams } from './streams.js'
import { type Ports, Turn } from './turn.js'

/**
 * IKEv2 for all peers of a router: RFC 7296, 7383, 3948, 5282, 8247.
 *
 *     datagram ──SPI──> IkeSa ──> exchanges/*          one file per intention
 *        │  no SPI of ours                             decisions on crossings are pure: collisions.ts, redundancy.ts
 *        └────────> Strangers ──IKE_SA_INIT──> half-open IkeSa
 *     peer-set, up, acquire ──> PeerControl.reconcile ──> what is wanted and missing begins
 *
 * An IkeSa is one IKE SA: keys, window, timers. A Session is one authentication: identities, children, and the IKE
 * SAs that follow one another by rekeying. A PeerControl is what we want of a peer, and its sessions. After every
 * input each peer that it touched is reconciled: no state depends on one event not being missed.
 */
export class Ike implements Machine<IkeInput, IkeEffect>, SaHost {
  readonly ports: Ports
  readonly revocations = new Revocations()
  readonly lookups: Lookups
  readonly #peers = new Peers()
  /** By the SPI that we chose: RFC 7296 §2.6. */
  readonly #sas = new Map<IkeSpi, IkeSa>()
  /** Which of our SPIs came and went since the last effect that told so. */
  readonly #spiNews = new Map<IkeSpi, boolean>()
  readonly childSpis: ChildSpis
  readonly streams = new Streams()
  readonly #strangers: Strangers
  readonly #alarms = new Alarms<IkeSa | PeerControl>()
  #touched = new Set<IkeSa | PeerControl>()

  constructor(
    ports: { random: Random; crypto: Cryptography; certification?: Certification | undefined },
    settings: Partial<IkeSettings> = {},
  ) {
    this.ports = { ...ports, settings: { ...DEFAULT_SETTINGS, ...settings } }
    this.lookups = new Lookups(this.ports)
    this.childSpis = new ChildSpis(ports.random)
    this.#strangers = new Strangers(this)
  }

  get deadline(): Instant | undefined {
    return this.#alarms.first
  }

  handle(now: Instant, input: IkeInput | Tick): readonly IkeEffect[] {
    const turn = new Turn(now)
    this.#take(turn, input)
    this.#finish(turn)
    for (const [spi, ours] of this.#spiNews) turn.do({ do: 'ike-spi', spi, ours })
    this.#spiNews.clear()
    return this.childSpis.before(turn.effects)
  }

  #take(turn: Turn, input: IkeInput | Tick): void {
    switch (input.on) {
      case 'tick':
        return this.#tick(turn)
      case 'datagram':
        return this.#datagram(turn, input)
      case 'peer-set':
        this.#strangers.pardon()
        this.#touch(actions.applyPeer(turn, this, this.#peers, input.peer))
        // Who begins by itself does so at once, and two that cross would have to be settled.
        return input.peer.initiate ? undefined : this.#strangers.answerEarly(turn)
      case 'peer-removed': {
        const control = this.#peers.remove(input.peer)
        this.#touch(control)
        return control && actions.putDown(turn, control, 'the peer was removed')
      }
      case 'stream-opened':
      case 'stream-closed':
        return actions.streamSaid(turn, this, input, control => this.#touch(control))
      case 'unknown-esp-spi':
        return this.#touch(actions.unknownEspSpi(turn, this.#peers.all, input))
      case 'revocation':
        for (const who of revocationNews(turn, this, this.#sas.values(), input)) this.#touch(who)
        return
      case 'revocation-dropped':
        return this.revocations.dropped(input.key)
      case 'certificate':
        for (const who of certificateNews(turn, this, this.#sas.values(), input)) this.#touch(who)
        return
      case 'stop':
        for (const control of this.#peers.all) {
          this.#touch(control)
          actions.stop(turn, control)
        }
        return
      case 'up':
      case 'down':
      case 'rekey':
      case 'reauthenticate':
      case 'resolved':
      case 'acquire':
      case 'child-used':
      case 'child-limit':
      case 'child-activity':
      case 'esp-source':
      case 'own-addresses':
      case 'inner-mtu': {
        const control = this.#peers.get(input.peer)
        if (control === undefined) return
        this.#touch(control)
        return actions.act(turn, control, input)
      }
      default:
        return assertNever(input)
    }
  }

  #tick(turn: Turn): void {
    for (const who of this.#alarms.due(turn.now)) {
      this.#touch(who)
      if (who instanceof PeerControl) who.reconcile(turn)
      else who.tick(turn)
    }
  }

  /** RFC 7296 §2.6: an IKE SA is found by SPI only, never by address. */
  #datagram(turn: Turn, input: { readonly bytes: Uint8Array } & Ends): void {
    const header = Wire.parseHeader(input.bytes)
    if (header === 'ike-version' && this.#strangers.version1(turn, input.bytes, input)) return
    if (isDrop(header)) return turn.drop(header, input.remote, 'the IKE header')
    const m: Incoming = { header, bytes: input.bytes, local: input.local, remote: input.remote }
    // The I flag tells which of the two SPIs is ours (§3.1): the sender is the original initiator or we are.
    const sa = this.#sas.get(header.initiator ? header.spiResponder : header.spiInitiator)
    if (header.majorVersion > 2 || sa === undefined || sa.initiator === header.initiator)
      return this.#strangers.receive(turn, m)
    if (
      sa.stage.is !== 'initiating' &&
      sa.peerSpi !== (header.initiator ? header.spiInitiator : header.spiResponder)
    )
      return turn.drop('ike-spi', m.remote, "the sender's SPI is not that of this IKE SA")
    this.#touch(sa)
    sa.receive(turn, m)
  }

  #touch(who: IkeSa | PeerControl | undefined): void {
    if (who !== undefined) this.#touched.add(who)
  }

  /** Reconciles what was touched and sets its alarms. */
  #finish(turn: Turn): void {
    const touched = this.#touched
    this.#touched = new Set()
    const controls = new Set<PeerControl>()
    for (const who of touched) {
      const control = who instanceof PeerControl ? who : who.control
      if (control !== undefined) controls.add(control)
      else if (!(who instanceof PeerControl)) this.#alarm(who)
    }
    for (const control of controls) {
      if (this.#peers.get(control.peer.name) === control) control.reconcile(turn)
      // What an input made due is done now: a deadline never lies in the past.
      for (const sa of control.sas) if (isDue(sa, turn.now)) sa.tick(turn)
      for (const sa of control.sas) {
        sa.pump(turn)
        this.#alarm(sa)
      }
      publishMtu(turn, control)
      this.#alarm(control)
    }
    this.streams.settle(turn, () => this.#sas.values())
    this.#touched.clear()
  }

  #alarm(who: IkeSa | PeerControl): void {
    this.#alarms.set(who, who instanceof PeerControl || who.stage.is !== 'ended' ? who.deadline : undefined)
  }

  report(peer: string): IkePeerReport | undefined {
    const control = this.#peers.get(peer)
    return control && reportPeer(control)
  }

  reports(): readonly IkePeerReport[] {
    return this.#peers.all.map(reportPeer)
  }

  /** Questions about revocation whose answers are still of use. */
  revocationKeys(): ReadonlySet<string> {
    const keys = new Set<string>()
    for (const { peer, sessions } of this.#peers.all) {
      for (const { key } of ownQuestions(this.ports, peer)) keys.add(key)
      for (const { certificate } of sessions)
        for (const key of certificate?.revocation.concerns ?? []) keys.add(key)
    }
    for (const sa of this.#sas.values()) for (const { key } of heldBy(sa)?.questions ?? []) keys.add(key)
    return keys
  }

  // ---- what an IKE SA needs of us ----

  get peers(): Peers {
    return this.#peers
  }

  register(sa: IkeSa): void {
    this.#sas.set(sa.ourSpi, sa)
    this.#spiNews.set(sa.ourSpi, true)
    this.#touch(sa)
  }

  forget(sa: IkeSa): void {
    if (this.#sas.delete(sa.ourSpi)) this.#spiNews.set(sa.ourSpi, false)
    this.streams.left(sa.remote)
    this.#strangers.forget(sa)
    sa.control?.sas.delete(sa)
    this.#alarms.set(sa, undefined)
    this.#touch(sa.control)
  }

  judged(turn: Turn, sa: IkeSa, good: boolean): void {
    this.#strangers.judged(turn, sa, good)
  }

  newIkeSpi(): IkeSpi {
    for (;;) {
      const spi = Wire.ikeSpi(this.ports.random.ikeSpi())
      if (spi !== Wire.NO_SPI && !this.#sas.has(spi)) return spi
    }
  }

  initiate(turn: Turn, control: PeerControl, ends: Ends): IkeSa | undefined {
    const sa = beginInit(turn, this, control, ends)
    if (sa !== undefined) control.adopt(sa)
    return sa
  }
}

const isDue = (who: IkeSa, now: Instant): boolean => who.deadline !== undefined && who.deadline <= now
