/** Debian packages that a command needs, how to see that they are there, and their installation by root. */
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { run, say, works } from './run.mjs'

const SHARED_LIBRARIES = '/usr/lib/ipsec'

/** A package and what shows that it is there: a program in PATH or a file. */
const PRESENT = {
  'g++': () => works('g++', ['--version']),
  make: () => works('make', ['--version']),
  python3: () => works('python3', ['-c', 'import sys']),
  iproute2: () => works('ip', ['-V']),
  'iputils-ping': () => works('ping', ['-V']),
  iperf3: () => works('iperf3', ['--version']),
  tcpdump: () => works('tcpdump', ['--version']),
  tshark: () => works('tshark', ['--version']),
  nftables: () => works('nft', ['--version']),
  'util-linux': () => works('unshare', ['--version']),
  procps: () => works('ps', ['--version']),
  'strongswan-charon': () => existsSync('/usr/lib/ipsec/charon'),
  'strongswan-swanctl': () => existsSync('/usr/sbin/swanctl'),
  'libstrongswan-standard-plugins': () => existsSync(`${SHARED_LIBRARIES}/plugins/libstrongswan-openssl.so`),
  'libcharon-extra-plugins': () => existsSync(`${SHARED_LIBRARIES}/plugins/libstrongswan-kernel-libipsec.so`),
  perl: () => works('perl', ['-MTime::HiRes', '-e', '1']),
  frr: () => existsSync('/usr/lib/frr/ospfd'),
  bird2: () => existsSync('/usr/sbin/bird'),
  prometheus: () => works('promtool', ['--version']),
}

/** node-gyp needs these three. */
export const BUILD_PACKAGES = ['g++', 'make', 'python3']
export const LAB_PACKAGES = [
  ...['iproute2', 'iputils-ping', 'iperf3', 'tcpdump', 'nftables', 'util-linux', 'procps'],
  ...['strongswan-charon', 'strongswan-swanctl', 'libstrongswan-standard-plugins', 'libcharon-extra-plugins'],
]
export const RELAY_PACKAGES = [...LAB_PACKAGES, 'frr']
export const TEST_PACKAGES = [...RELAY_PACKAGES, 'bird2', 'perl', 'tshark', 'prometheus']

const POLICY = '/usr/sbin/policy-rc.d'

/** Debian starts the services of a package when it is installed, unless this file says no. We want programs, not services. */
async function withoutServices(install) {
  const ours = !existsSync(POLICY)
  if (ours) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    return await install()
  } finally {
    if (ours) rmSync(POLICY)
  }
}

const apt = args =>
  run('apt-get', args, { quiet: true, env: { DEBIAN_FRONTEND: 'noninteractive', NEEDRESTART_MODE: 'l' } })

async function install(names) {
  say(`installing Debian packages: ${names.join(' ')}`)
  const options = ['install', '-y', '--no-install-recommends']
  await apt(['update'])
  if ((await apt([...options, ...names])) === 0) return
  for (const name of names) await apt([...options, name]) // one that cannot be had must not keep the others away
}

/** Installs what is missing as root; else says what is missing. Never fails: what needs it will say so or skip. */
export async function systemPackages(names, command) {
  const missing = () => names.filter(name => !PRESENT[name]())
  let absent = missing()
  if (absent.length === 0) return
  const able = process.getuid?.() === 0 && works('apt-get', ['--version'])
  if (able) {
    await withoutServices(() => install(absent))
    absent = missing()
  }
  if (absent.length > 0)
    say(
      `missing here: ${absent.join(' ')}. Parts of \`${command}\` that need them are skipped or fail; install them, or run as root on Debian.`,
    )
}
