import type { Endpoint } from '@brunel/base'
import t from 'tap'
import * as failures from './failures.js'

const remote: Endpoint = { address: '192.0.2.2', port: 500 }

t.test('what we found ourselves explains more than what the peer says of the same', async t => {
  const found = failures.wrongPsk('b.example', remote)
  const told = failures.authenticationRefused('a.example', 'b.example', { by: 'psk' })
  t.equal(failures.explainsMore(found, told), true)
  t.equal(failures.explainsMore(told, found), false)
  t.equal(failures.explainsMore(found, failures.silent(remote, 5)), false, 'silence is another matter')
  t.equal(
    failures.explainsMore(
      failures.noCommonEspProposal(['a'], ['b']),
      failures.proposalsRefused('ESP', ['a']),
    ),
    true,
  )
})
