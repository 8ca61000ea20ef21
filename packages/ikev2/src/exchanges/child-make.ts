import { Ike as Wire } from '@brunel/wire'
import type { ChildSa } from '../child-sa.js'
import { lowerNonce } from '../collisions.js'
import type { Child } from '../contract.js'
import { childKeys } from '../key-schedule.js'
import { lifetimeFrom } from '../lifetimes.js'
import { espSuiteText } from '../proposal-text.js'
import type { Agreed, IkeSa } from '../sa.js'
import type { Session } from '../session.js'
import type { Turn } from '../turn.js'
import { withinValidity } from '../validity.js'
import type { Agreement } from './child-offer.js'

/**
 * Derives the keys of a child and hands it over for installation. `ours`: we sent the request. Keys for what the
 * initiator of the exchange sends come first: RFC 7296 §2.17.
 */
export function makeChild(
  turn: Turn,
  sa: IkeSa,
  session: Session,
  about: {
    readonly agreed: Agreed
    readonly agreement: Agreement
    readonly spiIn: number
    readonly ours: boolean
    readonly old: ChildSa | undefined
  },
): { readonly sa: ChildSa; readonly child: Child } {
  const { crypto, settings, random } = sa.host.ports
  const { agreement, agreed, ours, spiIn, old } = about
  const { suite, spi } = agreement.choice
  const { peer } = session.control
  const keys = childKeys(crypto, { prf: agreed.suite.prf, d: agreed.keys.d }, suite, {
    ...agreement.nonces,
    secret: agreement.secret,
    more: agreement.more ?? [],
  })
  for (const secret of [agreement.secret, ...(agreement.more ?? [])])
    if (secret !== undefined) crypto.wipe(secret)
  const { encapsulation, local, remote } = session.carried ?? sa
  const port = encapsulation === 'none' ? { port: 0 } : undefined
  const common = {
    spiIn,
    spiOut: Wire.readUint32(spi, 0),
    encryption: suite.encryption,
    integrity: suite.integrity,
    esn: suite.esn,
    mode: agreement.mode,
    modeReason: modeReason(peer.esp.mode, agreement.mode, ours),
    encapsulation,
    localSelectors: agreement.selectors.tsi,
    remoteSelectors: agreement.selectors.tsr,
    replaces: old?.spiIn,
  } as const
  return {
    sa: {
      ...common,
      suite: espSuiteText(suite),
      ours,
      lowestNonce: lowerNonce(agreement.nonces),
      establishedAt: turn.now,
      lifetime: withinValidity(
        session,
        lifetimeFrom(turn.now, peer.esp.lifetime, settings.rekeyMarginPercent, random),
      ),
      state: { is: 'installed' },
    },
    child: {
      ...common,
      peer: peer.name,
      keysIn: ours ? keys.responder : keys.initiator,
      keysOut: ours ? keys.initiator : keys.responder,
      local: { ...local, ...port },
      remote: { ...remote, ...port },
      nat: sa.nat,
      tfcPadding: agreement.tfcPadding,
    },
  }
}

function modeReason(wanted: string, got: string, ours: boolean): string | undefined {
  if (wanted === got) return undefined
  if (got === 'transport') return 'the SA that it replaces is in transport mode'
  return ours
    ? 'the peer declined transport mode (RFC 7296 §1.3.1)'
    : 'the peer did not ask for transport mode'
}
