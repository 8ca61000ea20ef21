/**
 * The thread of one pump. It lives in `turn`, which waits inside the addon; commands come in between, without the
 * event loop, to which it returns only about once a second.
 */
import { performance } from 'node:perf_hooks'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { millis } from '@brunel/base'
import {
  Batch,
  Counters,
  type DatapathCommand,
  type DatapathEvent,
  type Direction,
  INBOUND_BUFFER_LENGTH,
  INBOUND_BUFFERS,
  INBOUND_SHAPE,
  InboundPump,
  OUTBOUND_SHAPE,
  OutboundPump,
  StreamUnderlay,
} from '@brunel/datapath'
import { SharedClock } from './clock.js'
import { EventOutlet } from './event-outlet.js'
import { MailboxReceiver } from './mailbox.js'
import { pumpNumber } from './native.js'
import { NativeSealer, NativeTun, NativeUnderlay } from './pump-ports.js'
import { StreamCells } from './stream-cells.js'
import { PortDoor } from './stream-door.js'
import { warmUp } from './warm-up.js'

export interface PumpWorkerData {
  readonly instance: number
  readonly direction: Direction
  readonly counters: SharedArrayBuffer
  readonly commands: MessagePort
  readonly mailbox: SharedArrayBuffer
  readonly clockOffset: number
  /** Towards the thread of the TCP connections. */
  readonly streamCells: SharedArrayBuffer
  readonly streams: MessagePort
}

/** A wake-up is never missed, so the wait only bounds how stale a pump's own timers can get. */
const WAIT = millis(500)
/** How long the pump stays away from the event loop of its thread. */
const STAY = 1000

const data = workerData as PumpWorkerData
const number = pumpNumber(data.instance, data.direction)
const counters = new Counters(data.counters)
const mailbox = new MailboxReceiver(data.commands, data.mailbox)
let stopping = false
let bugSaid = Number.NEGATIVE_INFINITY

function post(event: DatapathEvent): void {
  mailbox.sent()
  parentPort?.postMessage(event)
}

const outlet = new EventOutlet({
  waiting: () => mailbox.waiting(),
  post,
  lost: drop => counters.countDrop(data.direction, drop),
})
const emit = (event: DatapathEvent): void => outlet.emit(event)

/** We are wrong: said once a second, and the pump goes on with the next batch. */
function report(error: unknown): void {
  const now = performance.now()
  if (now - bugSaid < 1000) return
  bugSaid = now
  const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
  post({ on: 'bug', what: `${data.direction} pump: ${what}` })
}

function take(command: DatapathCommand): void {
  if (command.do === 'stop') stopping = true
  try {
    pump.command(command)
  } catch (error) {
    report(error)
  }
}

const refresh = (): boolean => mailbox.drain(take)
const door = new PortDoor(new StreamCells(data.streamCells), data.streams)
const ports = {
  tun: new NativeTun(number, refresh),
  underlay: new StreamUnderlay(new NativeUnderlay(number, refresh), door, refresh),
  sealer: new NativeSealer(number),
  clock: new SharedClock(data.clockOffset),
  refresh,
}

const pump =
  data.direction === 'outbound'
    ? new OutboundPump(
        ports,
        new Batch(OUTBOUND_SHAPE, new ArrayBuffer(OUTBOUND_SHAPE.rows * OUTBOUND_SHAPE.slotLength)),
        counters,
        emit,
      )
    : new InboundPump(
        ports,
        new Batch(INBOUND_SHAPE, new ArrayBuffer(INBOUND_BUFFERS * INBOUND_BUFFER_LENGTH)),
        counters,
        emit,
      )

function run(): void {
  const until = performance.now() + STAY
  do {
    try {
      pump.turn(WAIT)
    } catch (error) {
      report(error)
    }
  } while (!stopping && performance.now() < until)
  if (!stopping) setImmediate(run)
}

warmUp(data.direction)
refresh()
run()
