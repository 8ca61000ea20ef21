import t from 'tap'
import { readIperf, readPing } from './traffic.js'

t.test('what ping says is read, errors included', async t => {
  const text = `64 bytes from 10.2.0.10: icmp_seq=1 ttl=62 time=0.412 ms
64 bytes from 10.2.0.10: icmp_seq=3 ttl=62 time=0.5 ms
4 packets transmitted, 2 received, +1 errors, 33% packet loss, time 402ms`
  const { sent, received, gaps, times } = readPing(text)
  t.same({ sent, received, gaps, times }, { sent: 4, received: 2, gaps: [2], times: [0.412, 0.5] })
  t.equal(readPing('ping: sendmsg: Network is unreachable').received, 0)
})

t.test('what iperf3 says is read from the receiving end', async t => {
  const json = {
    end: {
      sum_sent: { retransmits: 7, bytes: 9 },
      sum_received: { bits_per_second: 8e9, bytes: 5, seconds: 2 },
    },
  }
  t.same(readIperf(JSON.stringify(json)), {
    bitsPerSecond: 8e9,
    bytes: 5,
    seconds: 2,
    retransmits: 7,
    lostPercent: 0,
    packets: 0,
  })
  t.throws(() => readIperf('{"error":"unable to connect"}'), /unable to connect/)
})
