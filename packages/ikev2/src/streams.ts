import type { IkeSa } from './sa.js'
import type { Ends } from './sa-stage.js'
import { SPEC } from './settings.js'
import type { Turn } from './turn.js'

/**
 * TCP connections as the machine knows them: numbers of 16 bits, even where we open them, odd where the host accepted
 * them. Each belongs to one session; whoever has none any more is closed.
 */
export class Streams {
  #last = 0
  /** Ours, from the wish to open them until they are closed. */
  readonly #ours = new Set<number>()
  readonly #bound = new Set<number>()
  /** An SA left these in this turn. */
  readonly #left = new Set<number>()

  /** A number for a connection that we open. */
  next(): number {
    do this.#last = (this.#last + 2) & 0xffff
    while (this.#last === 0 || this.#ours.has(this.#last))
    this.#ours.add(this.#last)
    return this.#last
  }

  /** It carries an IKE SA whose peer proved itself. */
  bind(turn: Turn, stream: number): void {
    this.#bound.add(stream)
    turn.do({ do: 'stream-bound', stream })
  }

  isBound(stream: number | undefined): boolean {
    return stream !== undefined && this.#bound.has(stream)
  }

  close(turn: Turn, stream: number): void {
    this.gone(stream)
    turn.do({ do: 'stream-close', stream })
  }

  /** The host says that it is closed. */
  gone(stream: number): void {
    this.#ours.delete(stream)
    this.#bound.delete(stream)
    this.#left.delete(stream)
  }

  left({ stream }: { readonly stream?: number | undefined }): void {
    if (stream !== undefined) this.#left.add(stream)
  }

  /** RFC 8229 §6: closed once no IKE SA is on it any more. */
  settle(turn: Turn, sas: () => Iterable<IkeSa>): void {
    if (this.#left.size === 0) return
    for (const { remote } of sas()) if (remote.stream !== undefined) this.#left.delete(remote.stream)
    for (const stream of [...this.#left]) this.close(turn, stream)
  }
}

/** Four zero octets go in front: on port 4500 (RFC 3948 §2.2) and in a stream, whatever its ports (RFC 8229 §3.1). */
export const isMarked = ({ local, remote }: Ends): boolean =>
  local.port === SPEC.NAT_PORT || remote.stream !== undefined

/**
 * Whether an authentic, fresh message from these ends moves the IKE SA to them.
 *
 * RFC 7296 §2.23, datagrams: only where we are not behind the NAT, and only a peer that is behind one: without a NAT a
 * strange source is a copy, and following it would help whoever makes copies.
 * RFC 8229 §6, streams: whoever accepted the connections sends by the one that it was last reached on. The transport
 * itself stays what it is (RFC 8229 §5).
 */
export function follows(sa: IkeSa, { remote }: Ends): boolean {
  if (remote.stream === undefined || sa.remote.stream === undefined)
    return remote.stream === sa.remote.stream && !sa.nat.local && sa.nat.remote
  return sa.session?.weBegan === false
}

/**
 * Sends the request in flight once more, RFC 7296 §2.1. Not in a stream: TCP loses nothing, and what a broken
 * connection lost goes out again on the next one; the waits stay as limits (RFC 9329 §6.2).
 */
export function repeat(turn: Turn, sa: IkeSa): void {
  if (sa.outgoing !== undefined && sa.remote.stream === undefined)
    sa.send(turn, sa.outgoing.transmission.datagrams)
}
