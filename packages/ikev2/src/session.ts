import { after, type Instant, type Millis, sooner } from '@brunel/base'
import { Children, type ChildSa } from './child-sa.js'
import type { Child, Encapsulation, Failure } from './contract.js'
import type { Telling } from './inner-mtu.js'
import type { Mobility } from './mobility.js'
import type { PeerControl } from './peer.js'
import type { Standing } from './proof.js'
import type { IkeSa } from './sa.js'
import type { Ends } from './sa-stage.js'
import type { Turn } from './turn.js'
import type { Validity } from './validity.js'

/** Milliseconds. Smaller: a stray ESP stream makes us send IKE requests without end. */
const INVALID_SPI_EVERY = 3_000

/**
 * What one authentication made: the two identities, the children, and the IKE SAs that control them one after
 * the other. A rekeyed IKE SA inherits the children (RFC 7296 §2.8) by belonging to the same session; so a
 * collision of IKE rekeys moves nothing, and the loser takes no child with it (§2.8.2).
 *
 *     IKE_AUTH ──> IKE SA 1 ──rekey──> IKE SA 2 ──rekey──> IKE SA 3   `current` is the one that may begin exchanges
 *                     └──────── children ────────────────────┘
 */
export class Session {
  readonly control: PeerControl
  readonly localId: string
  readonly remoteId: string
  /** We sent the IKE_AUTH request. */
  readonly weBegan: boolean
  /** The lower nonce of IKE_SA_INIT: settles which of two crossing sessions stays. */
  readonly lowestNonce: Uint8Array
  readonly startedAt: Instant
  readonly establishedAt: Instant
  /** undefined: proved by shared keys alone. */
  readonly validity: Validity | undefined
  /** What the peer proved itself with; undefined: a shared key. */
  readonly certificate: Standing | undefined
  /** The name of the PPK in its keys. */
  readonly ppk: string | undefined
  readonly children = new Children()
  readonly generations = new Set<IkeSa>()
  current: IkeSa
  /** undefined: one of the two does not do MOBIKE. */
  mobility: Mobility | undefined
  /** undefined: one of the two tells no inner MTU. */
  telling: Telling | undefined
  /** Where ESP still goes while the IKE SAs are at a new address that is not checked yet. */
  carried: (Ends & { readonly encapsulation: Encapsulation }) | undefined
  /** The peer has shown that it holds this session too. */
  confirmed: boolean
  /** When we last sent something in ESP that nothing authentic came after. */
  unansweredSince: Instant | undefined
  lastEspIn: Instant | undefined
  lastEspOut: Instant | undefined
  /** Children refused in a row, for the back-off. */
  childFailures = 0
  /** The peer has been answering TEMPORARY_FAILURE since then: RFC 7296 §2.25. */
  busySince: Instant | undefined
  #over = false
  #toldInvalidSpiAt: Instant | undefined

  constructor(made: {
    readonly control: PeerControl
    readonly localId: string
    readonly remoteId: string
    readonly weBegan: boolean
    readonly lowestNonce: Uint8Array
    readonly startedAt: Instant
    readonly establishedAt: Instant
    readonly validity: Validity | undefined
    readonly certificate: Standing | undefined
    readonly ppk: string | undefined
    readonly sa: IkeSa
  }) {
    this.control = made.control
    this.localId = made.localId
    this.remoteId = made.remoteId
    this.weBegan = made.weBegan
    this.lowestNonce = made.lowestNonce
    this.startedAt = made.startedAt
    this.establishedAt = made.establishedAt
    this.validity = made.validity
    this.certificate = made.certificate
    this.ppk = made.ppk
    this.current = made.sa
    this.confirmed = made.weBegan
    this.generations.add(made.sa)
  }

  /** Can carry a child: not on its way out. */
  get alive(): boolean {
    return !this.#over && this.current.stage.is === 'established'
  }

  /**
   * From then on the peer may be taken to hold one of the children: it made the answer, or has used it, or had the time
   * to hear from us.
   */
  get carriesFrom(): Instant | undefined {
    const { redundantSettles } = this.current.host.ports.settings
    return this.children.live
      .map(({ spiIn, establishedAt }) =>
        this.control.traffic.isReady(spiIn) ? establishedAt : after(establishedAt, redundantSettles),
      )
      .reduce<Instant | undefined>((first, at) => sooner(first, at), undefined)
  }

  /** RFC 7296 §2.21.4: the frequency of such notices is limited. */
  mayTellInvalidSpi(now: Instant): boolean {
    if (this.#toldInvalidSpiAt !== undefined && now - this.#toldInvalidSpiAt < INVALID_SPI_EVERY) return false
    this.#toldInvalidSpiAt = now
    return true
  }

  get over(): boolean {
    return this.#over
  }

  /** Over, and its traffic goes on with the children of another. */
  get leftBehind(): boolean {
    return this.#over && this.control.liveChildren().length > 0
  }

  install(
    turn: Turn,
    made: { readonly sa: ChildSa; readonly child: Child; readonly takeOver: boolean },
  ): void {
    this.children.add(made.sa)
    this.current.host.childSpis.installed(made.sa.spiIn)
    this.control.traffic.install(turn, made.child, made.takeOver)
    this.control.served()
    this.childFailures = 0
    const { peer, spiIn, spiOut } = made.child
    turn.report(
      made.sa.replaces === undefined
        ? { event: 'child-up', peer, spiIn, spiOut, suite: made.sa.suite }
        : { event: 'child-rekeyed', peer, spiIn, replaced: made.sa.replaces, initiator: made.sa.ours },
    )
  }

  removeChild(turn: Turn, child: ChildSa, end: { readonly grace: Millis; readonly why: Failure }): void {
    this.children.remove(child.spiIn)
    this.current.host.childSpis.free(child.spiIn)
    const live = this.control.liveChildren()
    const heirs = {
      successors: live.filter(other => other.replaces === child.spiIn).map(heir => heir.spiIn),
      others: live.map(heir => heir.spiIn),
    }
    this.control.traffic.remove(turn, child.spiIn, { grace: end.grace, heirs })
    turn.report({ event: 'child-down', peer: this.control.peer.name, spiIn: child.spiIn, why: end.why })
  }

  /** Deleting an IKE SA implicitly closes its children: RFC 7296 §1.4.1. */
  removeAllChildren(turn: Turn, end: { readonly grace: Millis; readonly why: Failure }): void {
    for (const child of this.children.all) this.removeChild(turn, child, end)
  }

  /**
   * The peer deletes an IKE SA of this session. If it is the last it forgets the children with our answer: where another
   * session has some, traffic goes over to them before that (RFC 7296 §2.8.3). True: so it is.
   */
  giveWay(turn: Turn, sa: IkeSa): boolean {
    if (this.#heirOf(sa) !== undefined) return false
    const leaving = this.children.all
    for (const child of leaving) child.state = { is: 'closing' }
    const others = this.control.liveChildren().map(heir => heir.spiIn)
    const spis = leaving.map(child => child.spiIn)
    this.control.traffic.leave(turn, spis, { successors: [], others })
    return others.length > 0
  }

  #heirOf(sa: IkeSa): IkeSa | undefined {
    return [...this.generations].findLast(other => other !== sa && other.stage.is === 'established')
  }

  /** An IKE SA of this session is gone. The children die with the last one that could control them. */
  ended(turn: Turn, sa: IkeSa, end: { readonly grace: Millis; readonly why: Failure }): void {
    if (this.#over) return
    this.generations.delete(sa)
    const heir = this.#heirOf(sa)
    if (heir !== undefined) {
      if (this.current !== sa) return
      this.promote(heir)
      const { name } = this.control.peer
      turn.report({ event: 'ike-rekeyed', peer: name, spi: heir.spiText, initiator: heir.initiator })
      return
    }
    this.#finish(turn, end)
  }

  /** Closes the whole session: a Delete on every IKE SA that the peer does not delete itself. */
  close(turn: Turn, why: Failure, grace: Millis = this.current.host.ports.settings.childGrace): void {
    if (this.#over) return
    this.#finish(turn, { grace, why })
    for (const sa of [...this.generations]) if (sa.stage.is === 'established') sa.close(turn, why)
  }

  #finish(turn: Turn, end: { readonly grace: Millis; readonly why: Failure }): void {
    this.#over = true
    this.removeAllChildren(turn, end)
    this.control.sessionEnded(turn, this, end.why)
  }

  /** From here on this IKE SA carries the control messages of all children: RFC 7296 §2.8. */
  promote(sa: IkeSa): void {
    const old = this.current
    this.generations.add(sa)
    this.current = sa
    if (old === sa) return
    for (const intent of old.intents.takeInheritable()) sa.intents.add(intent)
    // What was in flight on the old one may never be answered.
    if (this.telling !== undefined) sa.intents.add({ want: 'mtu' })
  }
}
