import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Cleanup } from '../../net/cleanup.js'
import { must } from '../../net/command.js'
import { PLAIN_NODE } from '../../net/environment.js'
import { Namespace, sweep, uniquePrefix } from '../../net/namespace.js'
import type { Answers, Order } from './orders.js'
import { INITIATORS, RESPONDER, type Role } from './suites.js'

const PROGRAM = fileURLToPath(new URL('./end.js', import.meta.url))
const NEAR = '10.200.0.1'
/** The longest step takes a few seconds. Shorter: a busy machine fails. Longer: one waits in vain. */
const PATIENCE_MS = 90_000

/** A process of the benchmark, in its namespace and on its core. */
export class End {
  readonly #child: ChildProcess
  #waiting:
    | { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void }
    | undefined

  constructor(place: Namespace, core: number, options: readonly string[] = []) {
    const [node = '', ...plain] = ['taskset', '-c', String(core), ...PLAIN_NODE, '--expose-gc', ...options]
    const [program = '', ...args] = place.command(node, ...plain, PROGRAM)
    this.#child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#child.on('message', (message: { readonly answer?: unknown; readonly fault?: string }) => {
      const waiting = this.#waiting
      this.#waiting = undefined
      if (message.fault !== undefined) waiting?.reject(new Error(message.fault))
      else waiting?.resolve(message.answer)
    })
    this.#child.on('exit', code =>
      this.#waiting?.reject(new Error(`an end of the benchmark ended with ${code}`)),
    )
  }

  ready(): Promise<unknown> {
    return this.#answer()
  }

  ask<D extends Order['do']>(order: Extract<Order, { do: D }>): Promise<Answers[D]> {
    this.#child.send(order)
    return this.#answer() as Promise<Answers[D]>
  }

  /** As bruneld ends: peers are told. It may write its profile then. */
  async stop(): Promise<void> {
    const ended = new Promise(resolve => this.#child.once('exit', resolve))
    await this.ask({ do: 'stop' })
    await ended
  }

  kill(): void {
    this.#child.kill('SIGKILL')
  }

  #answer(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error('an end of the benchmark is stuck')), PATIENCE_MS)
      const first =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(limit)
          then(value)
        }
      this.#waiting = { resolve: first(resolve), reject: first(reject) }
    })
  }
}

/** Pure: the cores that a process may run on, by its /proc/PID/status. A container has not always those that come first. */
export function ownCores(status: string): readonly number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1] ?? '0'
  return list.split(',').flatMap(range => {
    const [first = 0, last = first] = range.split('-').map(Number)
    return Array.from({ length: last - first + 1 }, (_, i) => first + i)
  })
}

export type Ends = Readonly<Record<Role, End>> & { readonly cleanup: Cleanup }

/**
 *     initiator ── veth ── responder      each a namespace and a process on a core of its own
 *     10.200.0.1           10.200.0.2
 *     10.201.0.0/16: all local, so that each tunnel can have an address
 */
export async function openEnds(options: readonly string[] = []): Promise<Ends> {
  await sweep()
  const cleanup = new Cleanup()
  try {
    const prefix = uniquePrefix()
    const place = async (role: Role): Promise<Namespace> => {
      const made = await Namespace.make(`${prefix}${role}`)
      cleanup.add(role, () => made.remove())
      await made.sysctl({ 'net.ipv4.conf.all.rp_filter': 0, 'net.ipv4.conf.default.rp_filter': 0 })
      return made
    }
    const [initiator, responder] = [await place('initiator'), await place('responder')]
    await must([
      ...['ip', 'link', 'add', 'veth0', 'netns', initiator.name, 'type', 'veth'],
      ...['peer', 'name', 'veth0', 'netns', responder.name],
    ])
    await initiator.ip([
      `addr add ${NEAR}/24 dev veth0`,
      'link set veth0 up',
      `route add local ${INITIATORS} dev lo`,
    ])
    await responder.ip([
      `addr add ${RESPONDER}/24 dev veth0`,
      'link set veth0 up',
      `route add ${INITIATORS} via ${NEAR}`,
    ])
    const [first = 0, second = first] = ownCores(readFileSync('/proc/self/status', 'utf8'))
    const ends = {
      initiator: new End(initiator, second, options),
      responder: new End(responder, first, options),
    }
    cleanup.add('processes', () => {
      ends.initiator.kill()
      ends.responder.kill()
    })
    await Promise.all([ends.initiator.ready(), ends.responder.ready()])
    return { ...ends, cleanup }
  } catch (error) {
    await cleanup.unwind()
    throw error
  }
}
