/**
 * What was made is removed in reverse order: at the end, after an error, and when a signal comes.
 * One step that fails never keeps the others from running.
 */
export class Cleanup {
  readonly #steps: { readonly what: string; readonly undo: () => Promise<unknown> | unknown }[] = []
  #unwinding: Promise<readonly string[]> | undefined

  add(what: string, undo: () => Promise<unknown> | unknown): void {
    this.#steps.push({ what, undo })
  }

  /** Answers what could not be removed. Twice is as good as once. */
  unwind(): Promise<readonly string[]> {
    this.#unwinding ??= this.#unwind()
    return this.#unwinding
  }

  async #unwind(): Promise<readonly string[]> {
    const faults: string[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.undo()
      } catch (error) {
        faults.push(`${step.what}: ${(error as Error).message}`)
      }
    }
    return faults
  }

  /** A repeated signal changes nothing: the first one is being obeyed. */
  onSignals(exit: (code: number) => void = code => process.exit(code)): void {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => void this.unwind().then(() => exit(signal === 'SIGINT' ? 130 : 143)))
    process.on('uncaughtException', error => {
      process.stderr.write(`${error.stack ?? error.message}\n`)
      void this.unwind().then(() => exit(1))
    })
  }
}
