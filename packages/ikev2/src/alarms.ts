import type { Instant } from '@brunel/base'

interface Alarm<T> {
  readonly who: T
  at: Instant
  /** Of two at the same instant the one that was set first rings first, so that a run depends on nothing but its seed. */
  order: number
  place: number
}

/**
 * Who wants to be woken when: a binary heap that knows where each one stands, so that a thousand IKE SAs whose deadlines
 * move with every message cost a few steps each.
 */
export class Alarms<T> {
  readonly #heap: Alarm<T>[] = []
  readonly #of = new Map<T, Alarm<T>>()
  #order = 0

  get first(): Instant | undefined {
    return this.#heap[0]?.at
  }

  /** One alarm each: setting it again replaces it, undefined takes it away. */
  set(who: T, at: Instant | undefined): void {
    const known = this.#of.get(who)
    if (at === undefined) {
      if (known !== undefined) this.#remove(known)
      return
    }
    if (known?.at === at) return
    if (known === undefined) {
      const alarm = { who, at, order: this.#order++, place: this.#heap.length }
      this.#of.set(who, alarm)
      this.#heap.push(alarm)
      this.#settle(alarm)
      return
    }
    known.at = at
    known.order = this.#order++
    this.#settle(known)
  }

  /** Those whose time has come, the earliest first. They stay until they are set anew. */
  due(now: Instant): readonly T[] {
    const due: Alarm<T>[] = []
    const look = (place: number): void => {
      const alarm = this.#heap[place]
      if (alarm === undefined || alarm.at > now) return
      due.push(alarm)
      look(2 * place + 1)
      look(2 * place + 2)
    }
    look(0)
    return due.sort((a, b) => (before(a, b) ? -1 : 1)).map(({ who }) => who)
  }

  #remove(alarm: Alarm<T>): void {
    this.#of.delete(alarm.who)
    const last = this.#heap.pop() as Alarm<T>
    if (last === alarm) return
    last.place = alarm.place
    this.#heap[last.place] = last
    this.#settle(last)
  }

  /** Moves it up or down to where it belongs. */
  #settle(alarm: Alarm<T>): void {
    const heap = this.#heap
    for (;;) {
      const parent = heap[(alarm.place - 1) >> 1]
      if (alarm.place === 0 || parent === undefined || !before(alarm, parent)) break
      this.#swap(alarm, parent)
    }
    for (;;) {
      const [left, right] = [heap[2 * alarm.place + 1], heap[2 * alarm.place + 2]]
      const child = left !== undefined && right !== undefined && before(right, left) ? right : left
      if (child === undefined || !before(child, alarm)) break
      this.#swap(alarm, child)
    }
  }

  #swap(a: Alarm<T>, b: Alarm<T>): void {
    const place = a.place
    a.place = b.place
    b.place = place
    this.#heap[a.place] = a
    this.#heap[b.place] = b
  }
}

const before = <T>(a: Alarm<T>, b: Alarm<T>): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)
