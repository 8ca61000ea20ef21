/**
 * What we answered last. The window is 1 (RFC 7296 §2.3), so one response is enough: the peer's next request
 * says that it has our last response.
 */
export class Answers {
  #expected: number
  #last: readonly Uint8Array[] | undefined

  /** 1 for an IKE SA that waits for IKE_AUTH, 0 for a rekeyed one: RFC 7296 §2.2. */
  constructor(expected: number) {
    this.#expected = expected
  }

  get expected(): number {
    return this.#expected
  }

  /** Where a request with this Message ID stands: RFC 7296 §2.1, §2.3. */
  place(messageId: number): 'new' | 'repeated' | 'forgotten' | 'outside' {
    if (messageId === this.#expected) return 'new'
    if (messageId === this.#expected - 1) return this.#last === undefined ? 'forgotten' : 'repeated'
    return messageId < this.#expected ? 'forgotten' : 'outside'
  }

  /** The response to resend, bitwise the same. */
  get last(): readonly Uint8Array[] {
    return this.#last ?? []
  }

  answered(datagrams: readonly Uint8Array[]): void {
    this.#last = datagrams
    this.#expected += 1 // RFC 7296 §2.2: never wraps; beyond the last one no message can be new
  }
}
