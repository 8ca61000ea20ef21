import { MessageChannel } from 'node:worker_threads'
import type { DatapathCommand } from '@brunel/datapath'
import t from 'tap'
import { MailboxReceiver, MailboxSender, newMailboxCells } from './mailbox.js'

t.test('commands arrive in order, and a packet without the memory it was a view of', async t => {
  const { port1, port2 } = new MessageChannel()
  const cells = newMailboxCells()
  const [sender, receiver] = [new MailboxSender(port1, cells), new MailboxReceiver(port2, cells)]
  t.teardown(() => sender.close())
  const packet = Uint8Array.from({ length: 64 }, (_, i) => i).subarray(16, 24)
  sender.post({ do: 'tunnel-restart', tun: 1 })
  sender.post({ do: 'relay-send', tun: 1, packet })
  const taken: DatapathCommand[] = []
  t.ok(receiver.drain(command => void taken.push(command)))
  t.same(
    taken.map(command => command.do),
    ['tunnel-restart', 'relay-send'],
  )
  const sent = taken[1]?.do === 'relay-send' ? taken[1].packet : new Uint8Array()
  t.same([...sent], [16, 17, 18, 19, 20, 21, 22, 23])
  t.equal(sent.buffer.byteLength, 8)
  t.equal(
    receiver.drain(() => t.fail('nothing is left')),
    false,
  )
})
