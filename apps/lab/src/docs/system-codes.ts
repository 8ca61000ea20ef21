import type { CodeEntry } from '@brunel/config'
import type { Source } from './sources.js'

/** Codes that bruneld, its data path and its store make; those of configuration, API and IKE have registries of their own. */
export const SYSTEM_CODES: Readonly<Record<string, CodeEntry>> = {
  BRUNEL_NO_TUN: {
    meaning: 'There is no TUN device, or it may not be opened.',
    remedy: '`modprobe tun`; in a container `--device /dev/net/tun`.',
  },
  BRUNEL_NO_CAPABILITY: {
    meaning: 'The process lacks CAP_NET_ADMIN or CAP_NET_RAW.',
    remedy: 'Run as root, or give the capabilities as deploy/systemd/bruneld.service does.',
  },
  BRUNEL_NO_IPROUTE2: { meaning: 'The command `ip` cannot be run.', remedy: '`apt-get install iproute2`.' },
  BRUNEL_FORWARDING_OFF: {
    meaning: 'A warning: the kernel does not forward IP, so hosts behind this router cannot use the tunnels.',
    remedy: '`sysctl -w net.ipv4.ip_forward=1` and `net.ipv6.conf.all.forwarding=1`.',
  },
  BRUNEL_PORT_TAKEN: {
    meaning: 'UDP port 500 or 4500 is in use.',
    remedy: 'Stop the other IKE daemon; `ss -lunp` names it.',
  },
  BRUNEL_TCP_PORT: {
    meaning:
      'A warning: TCP port 4500 cannot be listened on, so peers cannot come by TCP where UDP is blocked.',
    remedy: 'Stop what has the port (`ss -ltnp`) and restart; or set `ike.tcp` to `never`.',
  },
  BRUNEL_INTERFACE_TAKEN: {
    meaning: 'An interface with the name of the tunnel exists and is not ours.',
    remedy: 'Give the peer another `tunnel.interface`, or remove the interface.',
  },
  BRUNEL_INTERFACE: {
    meaning: 'The kernel refused an address, a route or an MTU.',
    remedy: 'The answer of `ip` is in the log beside it.',
  },
  BRUNEL_RELAY_LAN: {
    meaning:
      'The LAN interface of an OSPF relay is missing, down, without carrier or without an address. The relay waits for it.',
    remedy: 'Bring the interface up and give it an address, or correct `ospfRelay.interface`.',
  },
  BRUNEL_RELAY_HOST: {
    meaning:
      'A warning: a setting of this machine, or a limit of it, keeps part of an OSPF relay from working.',
    remedy:
      'The answer names it: forwarding, rp_filter or IPv6 of the LAN interface, the number of routers behind the relay.',
  },
  BRUNEL_RELAY_ROUTES: {
    meaning: 'A warning: the kernel refuses routes that OSPF brought through a relay.',
    remedy: 'The answer has the words of the kernel; mostly the interface towards the next router is down.',
  },
  BRUNEL_SYSTEM_REFUSED: {
    meaning: 'The system refused a call that the data path needs.',
    remedy: 'The call and its reason are in the log beside it.',
  },
  BRUNEL_PUMP_ENDED: {
    meaning: 'A thread of the data path ended; bruneld ends with it.',
    remedy: 'systemd starts it again; report the lines of the log before it.',
  },
  BRUNEL_TUNNEL: { meaning: 'A tunnel could not be opened.', remedy: 'The reason is in the log beside it.' },
  BRUNEL_TUNNEL_NOT_OPEN: {
    meaning: 'The tunnel is disabled or could not be opened.',
    remedy: 'Enable the peer; GET /readyz tells what was refused.',
  },
  BRUNEL_DNS: {
    meaning: 'The name of the peer cannot be resolved.',
    remedy: 'Check `remote.address` and the resolver; it is tried again at each attempt.',
  },
  BRUNEL_NO_ROUTE: {
    meaning: 'There is no route to the peer.',
    remedy: 'Check the default route of this router and `local.address`.',
  },
  BRUNEL_LOCAL_ADDRESS: {
    meaning: 'The local address of a peer is not an address of this machine.',
    remedy: 'Correct `local.address`, or leave it out.',
  },
  BRUNEL_ROUTE_LOOP: {
    meaning: 'The way to the peer leads into its own tunnel (RFC 2003 §3.2).',
    remedy: 'Take the route that covers the peer out of `tunnel.routes`.',
  },
  BRUNEL_GRE_REFUSED: {
    meaning:
      'ESP packets of the peer come in, and what is in them is not for this tunnel: key, checksum, type.',
    remedy: 'The reason of the drop is in the evidence; set `gre` the same on both routers.',
  },
  BRUNEL_NOTHING_COMES: {
    meaning: 'The SAs stand and packets leave, but none comes in.',
    remedy: 'Open UDP 4500 or protocol 50 in both directions, or set `esp.encapsulation` to `udp`.',
  },
  BRUNEL_NO_SA: {
    meaning: 'There is no SA to act on.',
    remedy: 'Bring the tunnel up first; its state says why it is not.',
  },
  BRUNEL_ANSWER_ONLY: {
    meaning: 'The address of the peer is `any`, so that only the other router can begin.',
    remedy: 'Act on the other router, or write its address into `remote.address`.',
  },
  BRUNEL_TIMEOUT: {
    meaning: 'An action did not come to its end in time; it goes on.',
    remedy: 'Look at the state of the tunnel.',
  },
  BRUNEL_NO_FAR_ADDRESS: {
    meaning: 'The far end of the tunnel has no address to ping.',
    remedy: 'Give the tunnel an address with a prefix that holds both ends.',
  },
  BRUNEL_NO_ANSWER: {
    meaning: 'The far end of the tunnel did not answer a ping.',
    remedy: 'Look at the layers of the tunnel.',
  },
  BRUNEL_ACTION_NOT_AVAILABLE: {
    meaning: 'This release does not do this action.',
    remedy: 'The answer names what to do in its place.',
  },
  BRUNEL_CONFIG_FILE: {
    meaning: 'The file of `--config` cannot be read or is refused.',
    remedy: 'Mend what the log lists; `bruneld --check` tries it.',
  },
  BRUNEL_API_LISTEN: {
    meaning: 'The admin API cannot listen where it should.',
    remedy: 'Choose another `--listen` or `--socket`, or stop what holds it.',
  },
  BRUNEL_STORE_DIRECTORY: {
    meaning: 'The data directory cannot be made or used.',
    remedy: 'Check its owner and mode: 0700, of the user that runs bruneld.',
  },
  BRUNEL_STORE_KEY: {
    meaning: 'The key that seals the secrets is missing or does not fit.',
    remedy: 'Restore it from the backup of the data directory.',
  },
  BRUNEL_STORE_DATABASE: {
    meaning: 'The database cannot be opened or is damaged.',
    remedy: 'Restore the data directory from its backup.',
  },
  BRUNEL_STORE_VERSION: {
    meaning: 'The database was written by a newer release.',
    remedy: 'Run that release, or restore an older backup.',
  },
  BRUNEL_STORE_BUSY: {
    meaning: 'Another bruneld uses the data directory.',
    remedy: 'Stop it, or choose another `--data-dir`.',
  },
}

const FAILURE = /failure\(\s*([^,]+?),\s*(`[^`]*`|'(?:[^'\\]|\\.)*'|[^,]+?),\s*(`[^`]*`|'(?:[^'\\]|\\.)*')/g

/** Pure: the codes of IKE, read from the place that makes them. */
export function ikeCodes(source: Source): Readonly<Record<string, CodeEntry>> {
  const found: Record<string, CodeEntry> = {}
  for (const [, codes = '', meaning = '', remedy = ''] of source.text.matchAll(FAILURE))
    for (const [, code = ''] of codes.replace(/=== '[^']*'/g, '').matchAll(/'([A-Z][A-Z0-9_]+)'/g))
      found[`BRUNEL_IKE_${code}`] = { meaning: plain(meaning), remedy: plain(remedy) }
  return found
}

const plain = (literal: string): string =>
  literal
    .slice(1, -1)
    .replace(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, '…')
    .replace(/\\(.)/g, '$1')
