import type { IkeEffect } from '@brunel/ikev2'
import { Dice } from '../dice.js'
import { chain, describe } from '../trace.js'
import { Conversation, type Said, TOPICS, type Topic } from './conversation.js'
import { mutate, Pantry } from './mutate.js'

/** A message heard in the place of the `nth` of a conversation. */
export interface Mutant {
  readonly topic: string
  readonly nth: number
  readonly bytes: Uint8Array
  /** What was made of it when it was found. */
  readonly reaction: string
}

/** More effects than this of one input, more timers than this in ten minutes of silence, more IKE SAs left: a leak. */
const EFFECTS_MAX = 100
const RINGS_MAX = 1500
const SAS_MAX = 16
const MESSAGES_MAX = 400
/** Messages after a mutant in which its harm shows, before silence. */
const AFTERWARDS = 20

/** What is wrong with how the machines took a mutant in an otherwise undisturbed conversation, if anything. */
export function hear({ topic, nth, bytes }: Omit<Mutant, 'reaction'>): string | undefined {
  return watched(named(topic), (talk, guard) => {
    for (let n = 0; n < nth + AFTERWARDS; n++) {
      const said = talk.next()
      if (said === undefined) break
      // The SPIs are those of today, whatever they were when the mutant was found.
      const mutant = n === nth ? withSpis(bytes, said.bytes) : undefined
      talk.hear(said, mutant)
      if (guard.fault !== undefined) return guard.fault
    }
    return silence(talk, 60_000)
  })
}

const withSpis = (bytes: Uint8Array, today: Uint8Array): Uint8Array => {
  const out = bytes.slice()
  out.set(today.subarray(0, Math.min(16, out.length)))
  return out
}

interface Guard {
  fault: string | undefined
  /** What the last input led to, in words: two messages of one kind meet one reaction. */
  reaction: string
}

function watched(
  topic: Topic,
  play: (talk: Conversation, guard: Guard) => string | undefined,
): string | undefined {
  const talk = new Conversation(topic)
  const guard: Guard = { fault: undefined, reaction: '' }
  talk.onEffects = (side, effects) => {
    if (effects.length > EFFECTS_MAX) guard.fault ??= `${side}: ${effects.length} effects of one input`
    guard.reaction = effects.map(inWords).join('; ')
  }
  try {
    return play(talk, guard) ?? guard.fault
  } catch (error) {
    return (error as Error).stack ?? String(error)
  }
}

function inWords(effect: IkeEffect): string {
  if (effect.do === 'drop') return `drop ${effect.drop} ${effect.detail}`
  if (effect.do === 'send') return `send ${told(effect.bytes)}`
  return effect.do === 'report' && 'why' in effect.event ? effect.event.why.code : effect.do
}

/** Exchange, direction and payloads, those inside an SK payload too: the null cipher hides none. */
export function told(message: Uint8Array): string {
  const text = describe(message, new Map())
    .replace(/exchange \d+/, 'another')
    .replace(/ \d+ /, ' ')
  return text.endsWith(' SK') ? text.replace('SK', chain(message[28] ?? 0, message.subarray(40))) : text
}

/** Nobody says anything any more: timers run out, and what was half open goes. */
function silence(talk: Conversation, wait = 600_000): string | undefined {
  const rings = talk.pass(wait)
  if (rings > RINGS_MAX) return `${rings} timers in ${wait} ms of silence`
  for (const side of ['a', 'b'] as const) {
    const sas = talk.spis[side].size
    if (sas > SAS_MAX) return `${side}: ${sas} IKE SAs are left`
  }
  return undefined
}

export function named(name: string): Topic {
  const topic = TOPICS.find(one => one.name === name)
  if (topic === undefined) throw new Error(`no topic ${name}`)
  return topic
}

/**
 * Throws nearly valid messages into conversations, dozens into each, and keeps one of every reaction that it has not
 * seen before: those are changed further later on. So the search follows what the code does and not what we thought of.
 */
export class Fuzzer {
  /** One mutant for each reaction, by kind of message. */
  readonly corpus = new Map<string, Mutant[]>()
  readonly #reactions = new Set<string>()
  readonly #pantry = new Pantry()
  messages = 0

  constructor() {
    for (const topic of TOPICS)
      watched(topic, talk => {
        for (let said = talk.next(); said !== undefined; said = talk.next()) {
          this.#pantry.stock(said.bytes)
          talk.hear(said)
        }
        return undefined
      })
  }

  get mutants(): readonly Mutant[] {
    return [...this.corpus.values()].flat()
  }

  /** One conversation under fire. Everything follows from the seed and from the corpus so far. */
  ordeal(seed: number): string | undefined {
    const dice = new Dice(seed, 'fuzz')
    const topic = dice.pick(TOPICS)
    // What is thrown early often ends all that comes after it.
    const quiet = dice.below(60)
    return watched(topic, (talk, guard) => {
      for (let nth = 0; nth < MESSAGES_MAX; nth++) {
        const said = talk.next()
        if (said === undefined) return silence(talk)
        if (nth >= quiet && dice.chance(0.5))
          for (let n = dice.below(6); n > 0; n--) this.#throw(talk, said, { dice, guard, topic, nth })
        if (dice.chance(0.8)) talk.hear(said)
        if (guard.fault !== undefined) return guard.fault
      }
      return 'they never stop talking'
    })
  }

  #throw(
    talk: Conversation,
    said: Said,
    at: { readonly dice: Dice; readonly guard: Guard; readonly topic: Topic; readonly nth: number },
  ): void {
    const kind = `${at.topic.name} ${told(said.bytes)}`
    const known = this.corpus.get(kind) ?? []
    const again = known.length > 0 && at.dice.chance(0.4)
    const from = again ? withSpis(at.dice.pick(known).bytes, said.bytes) : said.bytes
    const bytes = mutate(from, at.dice, this.#pantry)
    talk.hear(said, bytes)
    this.messages++
    const key = `${kind} ${at.guard.reaction}`
    if (this.#reactions.has(key)) return
    this.#reactions.add(key)
    this.corpus.set(kind, [
      ...known,
      { topic: at.topic.name, nth: at.nth, bytes, reaction: at.guard.reaction },
    ])
  }
}
