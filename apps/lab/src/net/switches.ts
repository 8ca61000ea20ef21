import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Cleanup } from './cleanup.js'
import { Namespace, sweep, uniquePrefix } from './namespace.js'
import { settings } from './topology.js'

/**
 * Places joined by switches, as many of both as a test wants. A switch is a bridge that floods multicast and forwards at
 * once; all of them stand in one namespace of their own.
 */
export class Switches {
  /** Scratch space of this run. */
  readonly folder: string
  readonly cleanup = new Cleanup()
  readonly #prefix = uniquePrefix()
  readonly #made = new Set<string>()
  #room: Namespace | undefined
  #plugs = 0

  private constructor(folder: string) {
    this.folder = folder
  }

  static async build(): Promise<Switches> {
    await sweep()
    const folder = mkdtempSync(join(tmpdir(), 'brunel-lab-'))
    chmodSync(folder, 0o755) // FRR gives root up and must still find its files
    const switches = new Switches(folder)
    switches.cleanup.add(folder, () => rmSync(folder, { recursive: true, force: true }))
    switches.#room = await switches.place('switches', false)
    return switches
  }

  /** Where the switches are: what crosses a plug may be captured there. */
  get room(): Namespace {
    if (this.#room === undefined) throw new Error('not built yet')
    return this.#room
  }

  async place(name: string, forwards = true): Promise<Namespace> {
    const place = await Namespace.make(`${this.#prefix}${name}`)
    this.cleanup.add(name, () => place.remove())
    await place.sysctl(settings(forwards))
    return place
  }

  /** Gives a place an interface on a switch; answers what the plug at the switch is called. */
  async plug(place: Namespace, device: string, into: string, addresses: readonly string[]): Promise<string> {
    if (!this.#made.has(into)) {
      this.#made.add(into)
      await this.room.ip([
        `link add ${into} type bridge mcast_snooping 0 stp_state 0 forward_delay 0`,
        `link set ${into} up`,
      ])
    }
    const plug = `p${++this.#plugs}`
    await this.room.ip([
      `link add ${plug} type veth peer name ${device} netns ${place.name}`,
      `link set ${plug} master ${into} up`,
    ])
    await place.ip([
      `link set ${device} up`,
      ...addresses.map(
        address => `addr add ${address} dev ${device}${address.includes(':') ? ' nodad' : ''}`,
      ),
    ])
    return plug
  }
}
