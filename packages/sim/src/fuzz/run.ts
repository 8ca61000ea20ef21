import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { corpusText, parseCorpus } from './corpus.js'
import { Fuzzer, hear, type Mutant } from './fuzz.js'

const HELP = `Throws nearly valid messages into IKE conversations; what is encrypted goes through a null cipher.

  --messages N   how many (2000000)
  --from N       the first seed (1)
  --jobs N       threads (2)
  --corpus FILE  plays the mutants of FILE first, and writes one for each reaction back
`

/** Seeds of one portion; each portion begins with an empty corpus, so that a fault can be found again from its first. */
const PORTION = 500
/** Milliseconds without a sign of life of a thread: it hangs. */
const PATIENCE = 120_000

interface Portion {
  readonly from: number
  readonly messages: number
  readonly faults: readonly string[]
  readonly mutants: readonly Mutant[]
}

function portion(from: number): Portion {
  const fuzzer = new Fuzzer()
  const faults: string[] = []
  for (let seed = from; seed < from + PORTION; seed++) {
    const fault = fuzzer.ordeal(seed)
    if (fault !== undefined) faults.push(`portion ${from}, seed ${seed}: ${fault}`)
  }
  return { from, messages: fuzzer.messages, faults, mutants: fuzzer.mutants }
}

function work(next: () => number): void {
  parentPort?.on('message', () => parentPort?.postMessage(portion(next())))
  parentPort?.postMessage(portion(next()))
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      messages: { type: 'string', default: '2000000' },
      from: { type: 'string', default: '1' },
      jobs: { type: 'string', default: '2' },
      corpus: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(HELP)
    return 0
  }
  const { corpus } = values
  const old = corpus !== undefined && existsSync(corpus) ? parseCorpus(readFileSync(corpus, 'utf8')) : []
  const faults = old.flatMap((mutant, i) => {
    const fault = hear(mutant)
    return fault === undefined ? [] : [`line ${i + 1} of ${corpus}: ${fault}`]
  })
  const found = await inThreads(Number(values.messages), Number(values.from), Number(values.jobs))
  faults.push(...found.faults)
  if (corpus !== undefined) writeFileSync(corpus, corpusText(found.mutants))
  for (const fault of faults) process.stdout.write(`${fault}\n`)
  process.stdout.write(
    `${found.messages} messages in ${found.seconds.toFixed(0)} s, ${found.reactions} reactions, ${faults.length} faults\n`,
  )
  return faults.length === 0 ? 0 : 1
}

async function inThreads(wanted: number, from: number, jobs: number) {
  const began = performance.now()
  const faults: string[] = []
  const byReaction = new Map<string, Mutant>()
  let messages = 0
  const thread = (index: number): Promise<void> =>
    new Promise((done, fail) => {
      const worker = new Worker(new URL(import.meta.url), {
        workerData: { from: from + index * PORTION, jobs },
      })
      const hangs = (): NodeJS.Timeout =>
        setTimeout(() => {
          faults.push(`thread ${index} hangs`)
          void worker.terminate().then(() => done())
        }, PATIENCE)
      let watch = hangs()
      worker.on('error', fail)
      worker.on('message', (one: Portion) => {
        clearTimeout(watch)
        messages += one.messages
        faults.push(...one.faults)
        for (const mutant of one.mutants)
          if (
            mutant.bytes.length < (byReaction.get(mutant.reaction)?.bytes.length ?? Number.POSITIVE_INFINITY)
          )
            byReaction.set(mutant.reaction, mutant)
        process.stdout.write(`${messages} messages, ${byReaction.size} reactions, ${faults.length} faults\n`)
        if (messages >= wanted || faults.length > 0) return void worker.terminate().then(() => done())
        watch = hangs()
        worker.postMessage('on')
      })
    })
  await Promise.all(Array.from({ length: jobs }, (_, index) => thread(index)))
  const seconds = (performance.now() - began) / 1000
  return { messages, faults, reactions: byReaction.size, mutants: [...byReaction.values()], seconds }
}

if (isMainThread) {
  process.exitCode = await main()
} else {
  const { from, jobs } = workerData as { readonly from: number; readonly jobs: number }
  let at = from - jobs * PORTION
  work(() => {
    at += jobs * PORTION
    return at
  })
}
