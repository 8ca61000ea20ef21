import { type Instant, instant, type Millis } from '@brunel/base'

interface Appointment {
  readonly at: number
  /** Ties are taken in the order they were made, so that a run depends on nothing but its seed. */
  readonly order: number
  readonly call: () => void
}

const before = (a: Appointment, b: Appointment): boolean =>
  a.at < b.at || (a.at === b.at && a.order < b.order)

/** A clock that stands still until the next appointment. A binary heap; nothing is ever removed but from its top. */
export class VirtualTime {
  #now = 0
  #order = 0
  readonly #heap: Appointment[] = []

  now(): Instant {
    return instant(this.#now)
  }

  at(when: number, call: () => void): void {
    const heap = this.#heap
    const made = { at: Math.max(when, this.#now), order: this.#order++, call }
    let i = heap.push(made) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      const above = heap[parent] as Appointment
      if (!before(made, above)) break
      heap[i] = above
      i = parent
    }
    heap[i] = made
  }

  after(wait: Millis, call: () => void): void {
    this.at(this.#now + wait, call)
  }

  /** Keeps every appointment up to and including `end`, then sets the clock there. `goOn` can end it early. */
  runUntil(end: Instant, goOn: () => boolean = () => true): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.#pop()
      this.#now = next.at
      next.call()
      if (!goOn()) return
    }
    this.#now = Math.max(this.#now, end)
  }

  /** A host's one alarm, as `Host.wakeAt` wants it: the later setting replaces the earlier. */
  alarm(): (t: Instant | undefined, f: () => void) => void {
    let wanted: Instant | undefined
    let ring: () => void = () => undefined
    let armed = Number.POSITIVE_INFINITY
    const arm = (t: Instant): void => {
      armed = t
      this.at(t, () => {
        if (armed !== t) return
        armed = Number.POSITIVE_INFINITY
        if (wanted === undefined) return
        if (wanted > this.#now) arm(wanted)
        else {
          wanted = undefined
          ring()
        }
      })
    }
    return (t, f) => {
      wanted = t
      ring = f
      // A later wish waits for the armed alarm, which then looks again: one entry in the heap for each host.
      if (t !== undefined && t < armed) arm(t)
    }
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Appointment
    if (heap.length === 0) return
    let i = 0
    for (;;) {
      let child = 2 * i + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && before(heap[child + 1] as Appointment, heap[child] as Appointment))
        child++
      if (!before(heap[child] as Appointment, last)) break
      heap[i] = heap[child] as Appointment
      i = child
    }
    heap[i] = last
  }
}
