import { spawn } from 'node:child_process'
import type { Socket } from 'node:net'
import { MARK } from './interfaces.js'

/**
 * Waits for the end of its input, which the kernel closes for a process that was killed; not for SIGTERM, which systemd
 * sends to all that is left of a service when its main process has died.
 */
const SCRIPT = `trap '' TERM
cat > /dev/null
ip neigh show proxy dev "$1" | while read -r address rest; do
  case "$rest" in *"proto ${MARK}"*) ip neigh del proxy "$address" dev "$1" ;; esac
done`

/**
 * The last will of a relay that is killed. Routes into its tunnels go with it, and with them the answers to ARP; but the
 * kernel would answer ND for the far neighbours for ever, and another relay of the LAN, which asks whether somebody has
 * them, would believe it. All else that is left behind disturbs nobody and is cleared at the next start.
 */
export class LastWill {
  #end: (() => void) | undefined

  /** To be opened once there is something to leave behind. */
  open(device: string): void {
    if (this.#end !== undefined) return
    // Detached: what ends the process group of ours must not end it first.
    const child = spawn('sh', ['-c', SCRIPT, 'brunel-relay', device], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    })
    // Without a shell there is no will; the next start clears all the same.
    child.on('error', () => undefined)
    child.stdin.on('error', () => undefined)
    child.unref()
    const input = child.stdin as Socket
    input.unref()
    this.#end = () => input.end()
  }

  /** There is nothing left. */
  close(): void {
    this.#end?.()
    this.#end = undefined
  }
}
