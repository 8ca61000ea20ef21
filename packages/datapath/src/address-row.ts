import type { Endpoint } from '@brunel/base'
import { Address } from '@brunel/wire'
import { ADDRESS_ROW, type Batch } from './batch.js'

/** Offsets in an address row, see `ADDRESS_ROW`. An IPv4 address fills the first four octets of its sixteen. */
const PORT = 2
const SOURCE = 4
const DESTINATION = 20
const LOCAL_PORT = 36
const STREAM = 38

const lengthAt = (batch: Batch, row: number): number => (batch.addresses[row * ADDRESS_ROW] === 4 ? 4 : 16)

const portAt = (batch: Batch, at: number): number =>
  ((batch.addresses[at] as number) << 8) | (batch.addresses[at + 1] as number)

function endpoint(batch: Batch, row: number, address: number, port: number): Endpoint {
  const at = row * ADDRESS_ROW
  const from = at + address
  return {
    address: Address.format(batch.addresses.slice(from, from + lengthAt(batch, row))),
    port: portAt(batch, at + port),
  }
}

/** Who sent the packet of this address row. Makes objects: for events only. */
export function remoteOf(batch: Batch, row: number): Endpoint {
  const remote = endpoint(batch, row, SOURCE, PORT)
  const stream = portAt(batch, row * ADDRESS_ROW + STREAM)
  return stream === 0 ? remote : { ...remote, stream }
}
export const localOf = (batch: Batch, row: number): Endpoint => endpoint(batch, row, DESTINATION, LOCAL_PORT)

/** An end point as it lies in an address row; `stream` 0 where it is reached by datagrams. */
export interface Source {
  readonly address: Uint8Array
  readonly port: number
  readonly stream: number
}

/** Whether the source of an address row is this end point. Protocol 50 has no ports: there the address decides. */
export function isFrom(batch: Batch, row: number, { address, port, stream }: Source): boolean {
  if (lengthAt(batch, row) !== address.length) return false
  const at = row * ADDRESS_ROW
  if (portAt(batch, at + STREAM) !== stream) return false
  const source = portAt(batch, at + PORT)
  return (source === 0 || source === port) && Address.equalAt(batch.addresses, at + SOURCE, address)
}

/** Writes an address row, as the underlay does. */
export function writeAddressRow(
  batch: Pick<Batch, 'addresses'>,
  row: number,
  remote: Endpoint,
  local: Endpoint,
): void {
  const at = row * ADDRESS_ROW
  const [source, destination] = [Address.parse(remote.address), Address.parse(local.address)]
  batch.addresses.fill(0, at, at + ADDRESS_ROW)
  batch.addresses[at] = source?.length === 16 ? 6 : 4
  batch.addresses[at + PORT] = remote.port >>> 8
  batch.addresses[at + PORT + 1] = remote.port & 0xff
  batch.addresses.set(source ?? [], at + SOURCE)
  batch.addresses.set(destination ?? [], at + DESTINATION)
  batch.addresses[at + LOCAL_PORT] = local.port >>> 8
  batch.addresses[at + LOCAL_PORT + 1] = local.port & 0xff
  batch.addresses[at + STREAM] = (remote.stream ?? 0) >>> 8
  batch.addresses[at + STREAM + 1] = (remote.stream ?? 0) & 0xff
}
