import { execFileSync } from 'node:child_process'
import { accessSync, constants, readFileSync } from 'node:fs'
import type { Problem } from '@brunel/base'
import { forwards } from './interfaces.js'

const CAP_NET_ADMIN = 12n
const CAP_NET_RAW = 13n

/** What this machine lacks for the job, each with its remedy. `fatal` ones stop the start. */
export interface Lack extends Problem {
  readonly fatal: boolean
}

/** The facts that `judge` decides on; read once at start. */
export interface Machine {
  readonly capabilities: bigint
  readonly tun: 'there' | 'absent' | 'forbidden'
  readonly ip: boolean
  readonly forwarding: { readonly ipv4: boolean; readonly ipv6: boolean }
}

export function readMachine(): Machine {
  return {
    capabilities: BigInt(
      `0x${/CapEff:\s*([0-9a-f]+)/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`,
    ),
    tun: tunDevice(),
    ip: runs('ip', ['-V']),
    forwarding: { ipv4: forwards(4), ipv6: forwards(6) },
  }
}

/** Pure: all that is wrong, at once. */
export function judge(machine: Machine): readonly Lack[] {
  const lacks: Lack[] = []
  const lack = (fatal: boolean, code: string, detail: string, remedy: string): number =>
    lacks.push({ fatal, pointer: '', code, detail, remedy })
  const has = (capability: bigint): boolean => ((machine.capabilities >> capability) & 1n) === 1n
  for (const [capability, name] of [
    [CAP_NET_ADMIN, 'CAP_NET_ADMIN'],
    [CAP_NET_RAW, 'CAP_NET_RAW'],
  ] as const) {
    if (!has(capability))
      lack(
        true,
        'BRUNEL_NO_CAPABILITY',
        `This process lacks ${name}.`,
        `Run as root, or give it: AmbientCapabilities=${name} in the systemd unit, --cap-add ${name.slice(4)} with a container.`,
      )
  }
  if (machine.tun === 'absent')
    lack(
      true,
      'BRUNEL_NO_TUN',
      'There is no /dev/net/tun.',
      'Load it with `modprobe tun`; in a container pass --device /dev/net/tun.',
    )
  if (machine.tun === 'forbidden')
    lack(
      true,
      'BRUNEL_NO_TUN',
      '/dev/net/tun may not be opened for reading and writing.',
      'Allow the device: DeviceAllow=/dev/net/tun rw in the systemd unit, --device /dev/net/tun with a container.',
    )
  if (!machine.ip)
    lack(
      true,
      'BRUNEL_NO_IPROUTE2',
      'The command `ip` cannot be run.',
      'Install it: apt-get install iproute2.',
    )
  if (!machine.forwarding.ipv4)
    lack(
      false,
      'BRUNEL_FORWARDING_OFF',
      'This machine does not forward IPv4: hosts behind it cannot use the tunnels.',
      'sysctl -w net.ipv4.ip_forward=1, and the same line in /etc/sysctl.d/.',
    )
  if (!machine.forwarding.ipv6)
    lack(
      false,
      'BRUNEL_FORWARDING_OFF',
      'This machine does not forward IPv6: hosts behind it cannot use the tunnels for IPv6.',
      'sysctl -w net.ipv6.conf.all.forwarding=1, and the same line in /etc/sysctl.d/.',
    )
  return lacks
}

function tunDevice(): Machine['tun'] {
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK)
    return 'there'
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'absent' : 'forbidden'
  }
}

function runs(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, [...args], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
