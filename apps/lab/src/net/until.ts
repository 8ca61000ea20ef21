/** Waits until `probe` answers with something; an error of the probe counts as "not yet" and is shown in the end. */
export async function until<T>(
  what: string,
  limit: number,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  every = 100,
): Promise<T> {
  const end = performance.now() + limit
  let last: unknown
  for (;;) {
    try {
      const found = await probe()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = error
      if ((error as { final?: boolean }).final === true) throw error
    }
    if (performance.now() > end) {
      const seen = last instanceof Error ? `; last seen: ${last.message}` : ''
      throw new Error(`not within ${limit / 1000} s: ${what}${seen}`)
    }
    await pause(every)
  }
}

/** Only for the beat of a poll or the length of a measurement, never as a guess at how long something takes. */
export const pause = (ms: number): Promise<void> => new Promise(done => setTimeout(done, ms))
