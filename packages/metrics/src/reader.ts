import { Counter, Gauge, type Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]

/** Metrics whose values are read from the source when someone scrapes; what is gone there is gone here. */
export class Reader {
  readonly #registry: Registry
  constructor(registry: Registry) {
    this.#registry = registry
  }

  gauge(name: string, help: string, labelNames: readonly string[], read: () => readonly Sample[]): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        gauge.reset()
        for (const [labels, value] of read()) gauge.set(labels, value)
      },
    })
  }

  counter(name: string, help: string, labelNames: readonly string[], read: () => readonly Sample[]): void {
    const counter: Counter = new Counter({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
      collect() {
        counter.reset()
        for (const [labels, value] of read()) counter.inc(labels, value)
      },
    })
  }
}
