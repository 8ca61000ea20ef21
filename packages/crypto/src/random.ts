import { randomBytes, randomInt } from 'node:crypto'
import { type Millis, millis, type Random } from '@brunel/base'

const octets = (length: number): Uint8Array => new Uint8Array(randomBytes(length))

/** The system's generator. */
export const systemRandom: Random = {
  nonce: octets,
  bytes: octets,
  ikeSpi() {
    const spi = octets(8)
    return spi.some(octet => octet !== 0) ? spi : systemRandom.ikeSpi()
  },
  espSpi: () => randomInt(256, 2 ** 32),
  jitter: (max: Millis) => millis(randomInt(Math.floor(max) + 1)),
}
