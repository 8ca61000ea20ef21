import t from 'tap'
import { PcapFrames, readIke } from './ike-watch.js'

const ike = (exchange: string, flags: string): string =>
  `${'11'.repeat(8)}${'22'.repeat(8)}2e20${exchange}${flags}00000001000000ff`
const ip4 = (ports: string, payload: string): Buffer =>
  Buffer.from(
    `${'00'.repeat(12)}0800${'45000000'}${'00000000'}40110000c0000202c6336402${ports}00240000${payload}`,
    'hex',
  )

t.test('RFC 7296 §3.1: exchange, direction and message id are read from the header', async t => {
  t.match(readIke(ip4('01f401f4', ike('22', '08'))), {
    from: '192.0.2.2',
    to: '198.51.100.2',
    port: 500,
    exchange: 'IKE_SA_INIT',
    response: false,
    byInitiator: true,
    messageId: 1,
    octets: 28,
    fragment: false,
  })
})

t.test('RFC 7296 §2.23: on port 4500 only what has the non-ESP marker is IKE', async t => {
  t.match(readIke(ip4('11941194', `00000000${ike('23', '20')}`)), {
    exchange: 'IKE_AUTH',
    response: true,
    port: 4500,
  })
  t.equal(readIke(ip4('11941194', `00000001${ike('23', '20')}`)), undefined)
})

t.test('a pcap stream is cut into frames wherever its pieces end', async t => {
  const frame = Buffer.from('abcdef', 'hex')
  const head = Buffer.alloc(16)
  head.writeUInt32LE(3, 8)
  const stream = Buffer.concat([Buffer.alloc(24), head, frame, head, frame])
  for (let cut = 1; cut < stream.length; cut++) {
    const frames = new PcapFrames()
    t.equal([...frames.push(stream.subarray(0, cut)), ...frames.push(stream.subarray(cut))].length, 2)
  }
})
