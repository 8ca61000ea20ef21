import type { Drop } from '@brunel/base'
import type { DatapathEvent } from '@brunel/datapath'
import type { IkeEffect, IkeInput, IkePeer } from '@brunel/ikev2'
import type { StreamIo } from '@brunel/packet-io'

export interface StreamPorts {
  readonly io: StreamIo
  readonly onDrop: (drop: Drop, remote: string, detail: string) => void
  /** The system would not let us listen. Everything else works. */
  readonly onDeaf: (warning: StreamWarning) => void
}

export interface StreamWarning {
  readonly code: string
  readonly detail: string
  readonly remedy: string
}

type StreamEffect = Extract<IkeEffect, { readonly do: 'stream-open' | 'stream-bound' | 'stream-close' }>

/** TCP connections between IKE, which wishes for them, and the data path, which holds them: RFC 9329. */
export class StreamHost {
  readonly #ports: StreamPorts
  #listens = false
  #warning: StreamWarning | undefined

  constructor(ports: StreamPorts) {
    this.#ports = ports
  }

  get warnings(): readonly StreamWarning[] {
    return this.#warning === undefined ? [] : [this.#warning]
  }

  /** RFC 8229 §5: whoever has a peer that may come by TCP listens for it. */
  welcome({ ike }: IkePeer): void {
    if (this.#listens || (ike.tcp ?? 'never') === 'never') return
    this.#listens = true
    this.#ports.io.listen()
  }

  perform(effect: StreamEffect): void {
    const { io } = this.#ports
    if (effect.do === 'stream-open') io.open(effect.stream, effect.local, effect.remote)
    else if (effect.do === 'stream-bound') io.bound(effect.stream)
    else io.close(effect.stream)
  }

  /** What IKE must know of it. */
  heard(event: DatapathEvent): IkeInput | undefined {
    switch (event.on) {
      case 'stream-opened':
        return { on: 'stream-opened', stream: event.stream, local: event.local, remote: event.remote }
      case 'stream-closed':
        return { on: 'stream-closed', stream: event.stream, why: event.why }
      case 'stream-refused':
        for (let i = 0; i < event.times; i++)
          this.#ports.onDrop(event.drop, event.remote, 'a TCP connection was closed')
        return undefined
      case 'stream-listening':
        this.#listening(event)
        return undefined
      default:
        return undefined
    }
  }

  #listening({ port, refused }: Extract<DatapathEvent, { on: 'stream-listening' }>): void {
    this.#warning =
      refused === undefined
        ? undefined
        : {
            code: 'BRUNEL_TCP_PORT',
            detail: `TCP port ${port} cannot be listened on (${refused}): peers cannot come by TCP where UDP is blocked.`,
            remedy: `Stop what has the port (\`ss -ltnp sport = :${port}\`), then restart bruneld; or set ike.tcp to "never".`,
          }
    if (this.#warning !== undefined) this.#ports.onDeaf(this.#warning)
  }
}
