import { existsSync, readFileSync, statSync } from 'node:fs'
import { must, run } from './command.js'
import { Daemon } from './daemon.js'
import type { Namespace } from './namespace.js'
import { pause } from './until.js'

export const withoutTshark = async (): Promise<string | false> =>
  (await run(['tshark', '--version'])).code !== 0 && 'not installed: tshark'

/** What crosses one interface, in a file. */
export class Capture {
  readonly file: string
  readonly #daemon: Daemon

  private constructor(file: string, daemon: Daemon) {
    this.file = file
    this.#daemon = daemon
  }

  /** `snap`: octets kept of each packet. */
  static async start(
    place: Namespace,
    device: string,
    file: string,
    snap = 0,
    filter = '',
  ): Promise<Capture> {
    const args = [
      '-i',
      device,
      '-U',
      '-s',
      `${snap}`,
      '-B',
      '16384',
      '--immediate-mode',
      '-Z',
      'root',
      '-w',
      file,
    ]
    const command = place.command('tcpdump', ...args, ...(filter === '' ? [] : [filter]))
    const daemon = new Daemon('tcpdump', command, `${file}.log`)
    await daemon.ready('listens', 30_000, () => daemon.output().includes('listening on') && existsSync(file))
    return new Capture(file, daemon)
  }

  get bytes(): number {
    return statSync(this.file).size
  }

  /** What has crossed until here is in the file: tcpdump is told to end only when it has taken all that the kernel holds for it. */
  async stop(): Promise<string> {
    const end = performance.now() + 5000
    while (this.#daemon.running && !this.#hasAll() && performance.now() < end) {
      this.#daemon.signal('SIGUSR1')
      await pause(50)
    }
    await this.#daemon.stop('SIGINT', 20_000)
    return this.#daemon.output()
  }

  /** By the last of its answers to SIGUSR1. */
  #hasAll(): boolean {
    const said = this.#daemon.output()
    const last = (what: string): number =>
      Number([...said.matchAll(new RegExp(`(\\d+) packets? ${what}`, 'g'))].at(-1)?.[1] ?? Number.NaN)
    return last('captured') >= last('received by filter') - last('dropped by kernel')
  }

  /** How many packets of the capture match a pcap filter. */
  async count(filter: string): Promise<number> {
    const out = await must(['tcpdump', '-nn', '-r', this.file, filter])
    return out.split('\n').filter(line => line !== '').length
  }

  async lines(filter: string, most = 10): Promise<readonly string[]> {
    const out = await must(['tcpdump', '-nn', '-r', this.file, '-c', `${most}`, filter])
    return out.split('\n').filter(line => line !== '')
  }
}

/** Of a classic pcap file, little-endian: of its head, and of the head of each record. */
const FILE_HEAD = 24
const RECORD_HEAD = 16
const ETHERNET = 14

/** The IP packets of a capture of Ethernet, as far as it is written. */
export function packetsIn(file: string): readonly Buffer[] {
  const octets = readFileSync(file)
  const found: Buffer[] = []
  for (let at = FILE_HEAD; at + RECORD_HEAD <= octets.length; ) {
    const end = at + RECORD_HEAD + octets.readUInt32LE(at + 8)
    if (end > octets.length) break
    found.push(octets.subarray(at + RECORD_HEAD + ETHERNET, end))
    at = end
  }
  return found
}

/** All that may cross the underlay between two routers: IKE, ESP (in UDP 4500, TCP 4500 or as protocol 50), and the neighbours' ARP and ND. */
export const ALLOWED = [
  'udp port 500',
  'udp port 4500',
  'tcp port 4500', // RFC 9329, where UDP was silent for a while
  'ip proto 50',
  'ip6 proto 50',
  'arp',
  'icmp6 and (ip6[40] == 133 or ip6[40] == 134 or ip6[40] == 135 or ip6[40] == 136 or ip6[40] == 143)',
  'ip6 proto 0', // hop-by-hop: only multicast listener reports of a fresh interface
  '(ip[6:2] & 0x1fff != 0)', // fragments after the first of what is allowed
] as const

export const FOREIGN = `not (${ALLOWED.map(filter => `(${filter})`).join(' or ')})`
