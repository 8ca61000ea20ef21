import { constants } from 'node:os'
import type { NativeRefusal } from './native.js'
import { portOwner } from './port-owner.js'

export type PacketIoErrorCode =
  | 'BRUNEL_PORT_TAKEN'
  | 'BRUNEL_NO_TUN'
  | 'BRUNEL_NO_CAPABILITY'
  | 'BRUNEL_INTERFACE_TAKEN'
  | 'BRUNEL_SYSTEM_REFUSED'

/** The system refused something at the edge. `message` says what, `remedy` what to do. */
export class PacketIoError extends Error {
  override readonly name = 'PacketIoError'
  readonly code: PacketIoErrorCode
  readonly remedy: string

  constructor(code: PacketIoErrorCode, [message, remedy]: readonly [string, string], cause: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}

const { EPERM, EACCES, EADDRINUSE, EBUSY, ENOENT, ENODEV, ENXIO } = constants.errno
const CAPABILITY_REMEDY =
  'Run as root, or give the process CAP_NET_ADMIN, CAP_NET_RAW and CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=).'

export const isNativeRefusal = (error: unknown): error is NativeRefusal =>
  error instanceof Error && typeof (error as Partial<NativeRefusal>).errno === 'number'

const socketName = (socket: number, ports: { readonly ike: number; readonly natt: number }): string => {
  const family = socket & 1 ? 'IPv6' : 'IPv4'
  const kind = socket >> 1
  if (kind > 1) return `the raw ${family} socket of protocol ${kind === 2 ? '50 (ESP)' : '47 (GRE)'}`
  return `UDP port ${kind === 0 ? ports.ike : ports.natt} (${family})`
}

/** What opening the sockets met. */
export function socketRefusal(
  error: unknown,
  ports: { readonly ike: number; readonly natt: number },
): unknown {
  if (!isNativeRefusal(error)) return error
  const what = socketName(error.socket, ports)
  if (error.errno === EADDRINUSE) {
    const owner = portOwner(error.socket >> 1 === 0 ? ports.ike : ports.natt)
    return new PacketIoError(
      'BRUNEL_PORT_TAKEN',
      [
        `${what} is taken${owner === undefined ? ' by another process' : ` by ${owner}`}.`,
        'Stop the other IKE daemon (strongSwan, libreswan, another bruneld); two cannot share ports 500 and 4500.',
      ],
      error,
    )
  }
  if (error.errno === EPERM || error.errno === EACCES) {
    return new PacketIoError(
      'BRUNEL_NO_CAPABILITY',
      [`No permission to open ${what}.`, CAPABILITY_REMEDY],
      error,
    )
  }
  return systemRefused(`${what} cannot be opened: ${error.message}.`, error)
}

/** What making a TUN interface met. */
export function tunRefusal(error: unknown, name: string): unknown {
  if (!isNativeRefusal(error)) return error
  if (error.syscall === 'open' && [ENOENT, ENODEV, ENXIO].includes(error.errno)) {
    return new PacketIoError(
      'BRUNEL_NO_TUN',
      [
        'This machine has no /dev/net/tun.',
        'Load the module (modprobe tun); in a container pass the device (docker run --device /dev/net/tun --cap-add NET_ADMIN).',
      ],
      error,
    )
  }
  if (error.errno === EPERM || error.errno === EACCES) {
    const what = `No permission to make the TUN interface ${name}.`
    return new PacketIoError('BRUNEL_NO_CAPABILITY', [what, CAPABILITY_REMEDY], error)
  }
  if (error.errno === EBUSY) {
    return new PacketIoError(
      'BRUNEL_INTERFACE_TAKEN',
      [
        `An interface named ${name} exists and is not ours.`,
        `Remove it (ip link del ${name}) or give the tunnel another name.`,
      ],
      error,
    )
  }
  return systemRefused(`The TUN interface ${name} cannot be made: ${error.message}.`, error)
}

const systemRefused = (message: string, error: NativeRefusal): PacketIoError =>
  new PacketIoError('BRUNEL_SYSTEM_REFUSED', [message, 'See the system log (dmesg) for the cause.'], error)
