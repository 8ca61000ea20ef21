import { hostname } from 'node:os'
import { createAdminApi, type Doors, listen } from '@brunel/admin-api'
import type { WallClock } from '@brunel/base'
import { certificationAt, SIGNATURE_HASHES, systemCryptography, systemRandom } from '@brunel/crypto'
import { createMetrics, type Metrics } from '@brunel/metrics'
import { openPacketIo } from '@brunel/packet-io'
import { openStore, type Store } from '@brunel/store'
import type { Logger } from 'pino'
import { checkConfiguration, StoredPeers, takeConfiguration } from './configuration.js'
import { httpOctets } from './http-octets.js'
import { IpRoute2 } from './interfaces.js'
import { KeyLog } from './key-log.js'
import { metricsSource } from './metrics-source.js'
import type { Options } from './options.js'
import { judge, type Lack, readMachine } from './preflight.js'
import { clearAll } from './relay-lan.js'
import { RevocationCache } from './revocation-cache.js'
import { Router } from './router.js'
import { systemRelayEdge } from './system-relay-edge.js'

/** What stops a start, with its remedy. */
export class StartError extends Error {
  override readonly name = 'StartError'
  readonly code: string
  readonly remedy: string

  constructor(code: string, message: string, remedy: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
    this.remedy = remedy
  }
}

/** The daemon: the one place that opens ports and connects packages. Started in floor order, stopped in reverse. */
export class Daemon {
  readonly #options: Options
  readonly #version: string
  readonly #log: Logger
  #store: Store | undefined
  #router: Router | undefined
  #doors: Doors | undefined

  constructor(options: Options, version: string, log: Logger) {
    this.#options = options
    this.#version = version
    this.#log = log
  }

  async start(): Promise<void> {
    const { dataDir, config, socket, keyLog } = this.#options
    const lacks = this.#judgeMachine()
    const store = this.#openStore()
    this.#store = store
    if (config !== undefined) takeConfiguration(config, store)
    const token = store.ensureAdminToken()
    if (token !== undefined) this.#log.info({ file: token }, 'the first API token was written')
    if (keyLog !== undefined)
      this.#log.warn(
        { file: keyLog },
        'KEYS OF ALL TUNNELS ARE WRITTEN TO A FILE: whoever reads it reads the traffic',
      )
    this.#router = this.#connect(store, lacks)
    await clearAll()
    await this.#router.start()
    this.#doors = await this.#openDoors(this.#router, store)
    this.#log.info({ url: this.#doors.url, socket, dataDir }, 'bruneld is ready')
  }

  /** The router on its ports, and the metrics that read it. */
  #connect(store: Store, lacks: readonly Lack[]): Router {
    const { dataDir, keyLog, ports, underlayIcmp, espAudit, revocationRefresh } = this.#options
    const cache = new RevocationCache(dataDir)
    cache.open(Date.now())
    const router: Router = new Router({
      openIo: onEvent => openPacketIo({ ports, onEvent }),
      interfaces: new IpRoute2(),
      peers: new StoredPeers(store),
      random: systemRandom,
      crypto: systemCryptography,
      certification: certificationAt(() => Date.now() as WallClock, SIGNATURE_HASHES),
      revocation: {
        fetch: httpOctets,
        cache,
        refresh: revocationRefresh,
        warn: (what, fields) => this.#log.warn({ part: 'revocation', ...fields }, what),
      },
      metrics: () => metrics,
      log: this.#log.child({ part: 'router' }),
      keyLog: keyLog === undefined ? undefined : new KeyLog(keyLog),
      relayEdge: io =>
        systemRelayEdge({
          dataDir,
          command: command => io.command(command),
          failed: error =>
            this.#log.warn({ part: 'relay', error: String(error) }, 'what OSPF said could not be kept'),
        }),
      underlayIcmp,
      espAudit,
      hostname: hostname(),
      lacks,
      onFatal: what => {
        this.#log.fatal(
          { code: 'BRUNEL_PUMP_ENDED' },
          `${what}; bruneld ends, so that it can be started anew`,
        )
        process.exit(70) // EX_SOFTWARE
      },
    })
    const metrics: Metrics = createMetrics(metricsSource(router), {
      version: this.#version,
      node: process.version,
    })
    return router
  }

  async #openDoors(router: Router, store: Store): Promise<Doors> {
    const { listen: address, socket } = this.#options
    const app = await createAdminApi({
      router,
      peers: store.peers,
      tokens: store.tokens,
      audit: store.audit,
      version: this.#version,
      logger: this.#log.child(
        { part: 'api' },
        { level: this.#options.logLevel === 'trace' ? 'trace' : 'warn' },
      ),
    })
    return listen(app, { tcp: tcpDoor(address), socket })
  }

  /** Reads the configuration file again; nothing changes where it is wrong. */
  async reload(): Promise<void> {
    const { config } = this.#options
    if (config === undefined || this.#store === undefined || this.#router === undefined) {
      this.#log.info('there is no --config file to read again; peers are managed by the API')
      return
    }
    await this.#router.apply(takeConfiguration(config, this.#store))
    this.#log.info({ config }, 'configuration read again')
  }

  async stop(): Promise<void> {
    await this.#doors?.close()
    await this.#router?.stop()
    this.#store?.close()
  }

  /** `--check`: the machine and the configuration file, and nothing is opened or changed. */
  check(): readonly Lack[] {
    const lacks = judge(readMachine())
    const { config } = this.#options
    if (config === undefined) return lacks
    const store = this.#openStore(true) // beside a running router too: that is when one wants to know
    try {
      checkConfiguration(config, store)
    } finally {
      store.close()
    }
    return lacks
  }

  #judgeMachine(): readonly Lack[] {
    const lacks = judge(readMachine())
    const fatal = lacks.filter(lack => lack.fatal)
    for (const lack of lacks)
      this.#log[lack.fatal ? 'error' : 'warn']({ code: lack.code, remedy: lack.remedy }, lack.detail)
    const [first] = fatal
    if (first !== undefined)
      throw new StartError(
        first.code,
        fatal.map(({ detail }) => detail).join(' '),
        fatal.map(({ remedy }) => remedy).join(' '),
      )
    return lacks
  }

  #openStore(shared = false): Store {
    return openStore({
      shared,
      directory: this.#options.dataDir,
      credentialsDirectory: process.env['CREDENTIALS_DIRECTORY'],
    })
  }
}

function tcpDoor(address: string): { host: string; port: number } {
  const [, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address) ?? []
  if (host === undefined || Number(port) > 65535)
    throw new StartError(
      'BRUNEL_API_LISTEN',
      `--listen ${address} is not ADDRESS:PORT.`,
      'Write it as 127.0.0.1:8470 or [::1]:8470.',
    )
  return { host, port: Number(port) }
}
