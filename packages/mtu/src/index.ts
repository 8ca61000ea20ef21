export { clampMss } from './clamp-mss.js'
export { computeMtu, type EspLengths, type MtuParameters, type MtuResult, type MtuStep } from './compute.js'
export { checkSize, FRAGMENT, fragment } from './fragment.js'
export { linkFragments } from './link-fragments.js'
export { PathMtu, type PathMtuEffect, type PathMtuInput } from './path-mtu.js'
export { type ErrorSources, tooBig } from './too-big.js'
export {
  type EspMtu,
  espMtu,
  IPV6_MINIMUM,
  type TunnelMtu,
  tunnelMtu,
  type WireMtu,
  wireMtu,
} from './units.js'
