import { Daemon } from './daemon.js'
import type { Namespace } from './namespace.js'
import { pause } from './until.js'

export interface Pinged {
  readonly sent: number
  readonly received: number
  /** Sequence numbers that were not answered although a later one was. */
  readonly gaps: readonly number[]
  /** Round trip times in ms, in order. */
  readonly times: readonly number[]
  readonly text: string
}

export interface PingOptions {
  readonly count?: number
  readonly interval?: number
  readonly size?: number
  /** Forbid fragmentation. */
  readonly whole?: boolean
  /** Seconds to wait for an answer: 1 for a single packet, 5 for the last of many. A busy machine may sleep for seconds. */
  readonly wait?: number
  readonly from?: string
}

const waitOf = ({ count = 1, wait = count > 1 ? 5 : 1 }: PingOptions): number => wait

/**
 * Once it has one answer, ping waits for the last only twice the round trip: on a busy machine that is too short. With a
 * deadline it waits, and sends on until it has `count` answers; `ping` below looks at the first `count` only.
 */
const pingCommand = (to: string, options: PingOptions): readonly string[] => {
  const { count = 1, interval = 0.2 } = options
  const wait = waitOf(options)
  return [
    ...['ping', '-n', '-c', `${count}`, '-i', `${interval}`, '-W', `${wait}`],
    ...(count > 1 ? ['-w', `${Math.ceil(count * interval + wait)}`] : []),
    ...(options.size === undefined ? [] : ['-s', `${options.size}`]),
    ...(options.whole === true ? ['-M', 'do'] : []),
    ...(options.from === undefined ? [] : ['-I', options.from]),
    to,
  ]
}

/** Pure: what ping said. */
export function readPing(text: string): Pinged {
  const summary = /(\d+) packets transmitted, (\d+) received/.exec(text)
  return {
    sent: Number(summary?.[1] ?? 0),
    received: Number(summary?.[2] ?? 0),
    gaps: gaps([...text.matchAll(/icmp_seq=(\d+) ttl/g)].map(found => Number(found[1]))),
    times: [...text.matchAll(/time=([\d.]+) ms/g)].map(found => Number(found[1])),
    text,
  }
}

/** Pure: what became of the first `count` packets. */
function firstOf(all: Pinged, count: number): Pinged {
  const late = Math.max(0, all.sent - count)
  const missing = all.gaps.filter(n => n <= count)
  const received = Math.min(all.received, count - missing.length)
  return { ...all, sent: all.sent - late, received, gaps: missing }
}

function gaps(seen: readonly number[]): readonly number[] {
  const answered = new Set(seen)
  return Array.from({ length: Math.max(0, ...seen) }, (_, i) => i + 1).filter(n => !answered.has(n))
}

export async function ping(from: Namespace, to: string, options: PingOptions = {}): Promise<Pinged> {
  const limit =
    20_000 + (options.count ?? 1) * ((options.interval ?? 0.2) * 1000 + 20) + waitOf(options) * 1000
  const { out, err } = await from.run(pingCommand(to, options), { limit })
  return firstOf(readPing(out + err), options.count ?? 1)
}

/**
 * A ping that runs until it is told to stop, to see what a change in between has lost: its gaps. What was under way when
 * it was stopped is not lost.
 */
export class LongPing {
  readonly #daemon: Daemon

  constructor(from: Namespace, to: string, log: string, interval = 0.02) {
    this.#daemon = new Daemon('ping', from.command('ping', '-n', '-i', `${interval}`, to), log)
  }

  /** What it has said so far. */
  text(): string {
    return this.#daemon.output()
  }

  async stop(): Promise<Pinged> {
    await this.#daemon.stop('SIGINT', 20_000)
    return readPing(this.#daemon.output())
  }
}

export interface Transfer {
  readonly bitsPerSecond: number
  readonly bytes: number
  readonly seconds: number
  readonly retransmits: number
  readonly lostPercent: number
  readonly packets: number
}

interface IperfSum {
  readonly bits_per_second?: number
  readonly bytes?: number
  readonly seconds?: number
  readonly retransmits?: number
  readonly lost_percent?: number
  readonly packets?: number
  readonly lost_packets?: number
}

/** Pure: what `iperf3 --json` said, of the receiving end. */
export function readIperf(text: string): Transfer {
  const json = JSON.parse(text) as {
    error?: string
    end?: { sum?: IperfSum; sum_received?: IperfSum; sum_sent?: IperfSum }
  }
  if (json.error !== undefined) throw new Error(`iperf3: ${json.error}`)
  const got = json.end?.sum_received ?? json.end?.sum ?? {}
  return {
    bitsPerSecond: got.bits_per_second ?? 0,
    bytes: got.bytes ?? 0,
    seconds: got.seconds ?? 0,
    retransmits: json.end?.sum_sent?.retransmits ?? 0,
    lostPercent: json.end?.sum?.lost_percent ?? 0,
    packets: (json.end?.sum?.packets ?? 0) - (json.end?.sum?.lost_packets ?? 0),
  }
}

export interface TransferOptions {
  /** Whole ones: iperf3 takes a fraction for 0, which is for ever. */
  readonly seconds?: number
  /** The server sends. */
  readonly reverse?: boolean
  /** Options of iperf3 beyond these. */
  readonly more?: readonly string[]
}

export class IperfServer {
  readonly #daemon: Daemon

  private constructor(daemon: Daemon) {
    this.#daemon = daemon
  }

  static async start(place: Namespace, log: string): Promise<IperfServer> {
    const daemon = new Daemon('iperf3', place.command('iperf3', '-s', '--forceflush'), log)
    await daemon.ready('listens', 30_000, () => daemon.output().includes('Server listening'))
    return new IperfServer(daemon)
  }

  stop(): Promise<number> {
    return this.#daemon.stop('SIGTERM', 10_000)
  }
}

/** The server takes one test at a time and turns away whoever comes while it puts the last one away. */
const TURNED_AWAY = /busy|unable to connect|control message/

export async function iperf(from: Namespace, to: string, options: TransferOptions = {}): Promise<Transfer> {
  for (let tries = 3; ; tries--) {
    try {
      return await iperfOnce(from, to, options)
    } catch (error) {
      if (tries === 1 || !TURNED_AWAY.test((error as Error).message)) throw error
      await pause(300)
    }
  }
}

async function iperfOnce(from: Namespace, to: string, options: TransferOptions): Promise<Transfer> {
  const seconds = Math.max(1, Math.round(options.seconds ?? 3))
  const args = ['-c', to, '-t', `${seconds}`, '--connect-timeout', '15000', '--json', ...(options.more ?? [])]
  const { out, err } = await from.run(['iperf3', ...args, ...(options.reverse === true ? ['-R'] : [])], {
    limit: (seconds + 60) * 1000,
  })
  if (!out.includes('{')) throw new Error(`iperf3 said nothing: ${err}`)
  return readIperf(out)
}
