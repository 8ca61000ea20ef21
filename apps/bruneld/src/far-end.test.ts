import t from 'tap'
import { farEnd } from './far-end.js'

const at = (address: string, length: number) => {
  const family = address.includes(':') ? (6 as const) : (4 as const)
  return { family, address, length, network: { family, address, length } }
}

for (const [address, length, want] of [
  ['10.255.0.1', 30, '10.255.0.2'],
  ['10.255.0.2', 30, '10.255.0.1'],
  ['10.255.0.4', 31, '10.255.0.5'],
  ['10.255.0.5', 31, '10.255.0.4'],
  ['fd00:7::', 127, 'fd00:7::1'],
  ['10.255.0.1', 24, undefined],
  ['fd00:7::1', 64, undefined],
] as const) {
  t.test(`RFC 3021, RFC 6164: opposite ${address}/${length} is ${want ?? 'unknown'}`, async t =>
    t.equal(farEnd(at(address, length)), want),
  )
}
