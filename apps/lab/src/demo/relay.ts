import { type AddressInfo, connect, createServer, type Server } from 'node:net'

/** A port of this machine's loopback that leads to a unix socket: the API of a router in a namespace, for a browser. */
export async function relay(socketPath: string): Promise<{ readonly port: number; close(): void }> {
  const server: Server = createServer(outer => {
    const inner = connect(socketPath)
    outer.pipe(inner).pipe(outer)
    const end = (): void => {
      outer.destroy()
      inner.destroy()
    }
    outer.on('error', end)
    inner.on('error', end)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() }
}
