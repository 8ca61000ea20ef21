import type { IkePeerReport, SaState } from './contract.js'
import { furtherAddresses } from './mobility.js'
import type { PeerControl } from './peer.js'
import { identityText } from './peer-match.js'
import { ikeSuiteText } from './proposal-text.js'
import type { IkeSa } from './sa.js'

type SaReport = IkePeerReport['sas'][number]

/** A snapshot for the API. It names what is, and holds no secret. */
export function reportPeer(control: PeerControl): IkePeerReport {
  const { peer } = control
  const established = control.alive.length > 0
  return {
    peer: peer.name,
    state:
      control.wish === 'down'
        ? 'down'
        : established
          ? 'established'
          : control.attempt !== undefined || control.transport.dials
            ? 'connecting'
            : control.retryAt !== undefined && control.wish === 'initiate'
              ? 'waiting'
              : 'idle',
    retryAt: established ? undefined : control.retryAt,
    lastFailure: control.lastFailure,
    sas: [...control.sas]
      .filter(sa => sa.stage.is !== 'ended')
      .sort((a, b) => importance(a) - importance(b))
      .map(sa => reportSa(control, sa)),
  }
}

/** What carries the tunnel stands first. */
const importance = (sa: IkeSa): number =>
  sa.isCurrent ? 0 : sa.stage.is === 'established' ? 1 : stateOf(sa) === 'connecting' ? 2 : 3

function reportSa(control: PeerControl, sa: IkeSa): SaReport {
  const { peer } = control
  const children = sa.session?.current === sa ? sa.session.children.all : []
  return {
    spiInitiator: sa.spiInitiator,
    spiResponder: sa.spiResponder,
    initiator: sa.initiator,
    state: stateOf(sa),
    suite: sa.agreed === undefined ? '' : ikeSuiteText(sa.agreed.suite),
    localId: sa.session?.localId ?? identityText(peer.localId),
    remoteId: sa.session?.remoteId ?? (peer.remoteId === undefined ? '' : identityText(peer.remoteId)),
    local: sa.local,
    remote: sa.remote,
    nat: sa.nat,
    certificate: certificateOf(sa),
    mobike: sa.session?.mobility && {
      local: furtherAddresses(control.own, sa.local),
      remote: furtherAddresses(sa.session.mobility.peerAddresses, sa.remote),
    },
    ppk: sa.session?.ppk,
    establishedAt: sa.establishedAt,
    rekeyAt: sa.stage.is === 'established' ? sa.lifetime?.soft : undefined,
    children: children.map(child => ({
      spiIn: child.spiIn,
      spiOut: child.spiOut,
      state: child.state.is,
      suite: child.suite,
      mode: child.mode,
      modeReason: child.modeReason,
      esn: child.esn,
      encapsulation: child.encapsulation,
      localSelectors: child.localSelectors,
      remoteSelectors: child.remoteSelectors,
      establishedAt: child.establishedAt,
      rekeyAt: child.state.is === 'installed' ? child.lifetime.soft : undefined,
    })),
  }
}

function certificateOf({ session }: IkeSa): SaReport['certificate'] {
  if (session?.certificate === undefined) return undefined
  const { subject, issuer, serial, url, revocation } = session.certificate
  const { state, detail, until } = revocation
  return { subject, issuer, serial, url, revocation: { state, detail, until } }
}

function stateOf(sa: IkeSa): SaState {
  switch (sa.stage.is) {
    case 'initiating':
    case 'authenticating':
    case 'half-open':
      return 'connecting'
    case 'established':
      return sa.outgoing?.doing.what === 'rekey-ike' ? 'rekeying' : 'established'
    case 'replaced':
    case 'closing':
    case 'ended':
      return 'closing'
  }
}
