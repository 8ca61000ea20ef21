/** Installation with the frozen lockfile and the build; both do nothing, fast, when nothing has changed. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fail, ROOT, run, say } from './run.mjs'

/** pnpm 11 crashes on Node 20; corepack refuses the signature. */
const PNPM = ['-y', '--prefer-offline', '--loglevel=error', 'pnpm@10.34.8']
const INSTALLED = resolve(ROOT, 'node_modules/.brunel-installed')
const BUILT = resolve(ROOT, 'node_modules/.brunel-built')

/** Headers that came with Node spare node-gyp a download. */
function environment() {
  const nodeHome = resolve(process.execPath, '../..')
  const headers = existsSync(join(nodeHome, 'include/node/node_api.h'))
  return {
    TURBO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    npm_config_update_notifier: 'false',
    ...(headers ? { npm_config_nodedir: nodeHome } : {}),
  }
}

const pnpm = (args, options = {}) => run('npx', [...PNPM, ...args], { env: environment(), ...options })
const stamp = path => (existsSync(path) ? readFileSync(path, 'utf8') : '')
const digest = text => createHash('sha256').update(text).digest('hex')

const workspaces = () =>
  ['packages', 'apps'].flatMap(dir => readdirSync(join(ROOT, dir)).map(name => join(dir, name)))

function manifests() {
  const files = ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']
  return [...files, ...workspaces().map(dir => join(dir, 'package.json'))].filter(file =>
    existsSync(join(ROOT, file)),
  )
}

async function install() {
  const lock = digest(
    manifests()
      .map(file => `${file}\n${readFileSync(join(ROOT, file))}`)
      .join('\n'),
  )
  const abi = process.versions.modules
  const [oldLock, oldAbi] = stamp(INSTALLED).split(' ')
  const linked = workspaces().every(
    dir => !hasDependencies(dir) || existsSync(join(ROOT, dir, 'node_modules')),
  )
  if (oldLock === lock && oldAbi === abi && linked) return
  say('installing dependencies (frozen lockfile); the first time takes some minutes')
  // npx hands its own loglevel down, and with that pnpm would say nothing for minutes. A terminal gets pnpm's own picture.
  const frozen = ['install', '--frozen-lockfile', '--prefer-offline', '--loglevel=info']
  if ((await pnpm(frozen, { quiet: !process.stdout.isTTY })) !== 0) fail('the installation failed; see above')
  if (oldAbi !== undefined && oldAbi !== '' && oldAbi !== abi) {
    say('another Node: native dependencies are built again')
    if ((await pnpm(['rebuild', '-r'])) !== 0) fail('the native dependencies did not build; see above')
  }
  writeFileSync(INSTALLED, `${lock} ${abi}`)
}

function hasDependencies(dir) {
  const manifest = JSON.parse(readFileSync(join(ROOT, dir, 'package.json'), 'utf8'))
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).length > 0
}

/** Files whose change asks for a build. */
function* inputs(dir) {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (['node_modules', 'dist', 'build', '.turbo', '.git', '.tap'].includes(entry.name)) continue
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* inputs(path)
    else if (/\.(ts|cc|h|c|gyp|json)$/.test(entry.name)) yield path
  }
}

function buildState() {
  const files = [...inputs(join(ROOT, 'packages')), ...inputs(join(ROOT, 'apps'))]
  const rows = files.map(path => {
    const { size, mtimeMs } = statSync(path)
    return `${path} ${size} ${mtimeMs}`
  })
  const outputs = workspaces().map(dir => `${dir} ${existsSync(join(ROOT, dir, 'dist'))}`)
  return digest([...rows, ...outputs, stamp(INSTALLED)].join('\n'))
}

async function build() {
  if (stamp(BUILT) === buildState()) return
  say('building what is stale (turbo)')
  // turbo ends all tasks when one fails: a mistake in a type must not stop the addon half built.
  for (const task of ['build:native', 'build']) {
    const status = await pnpm(['exec', 'turbo', 'run', task, '--ui=stream', '--output-logs=new-only'])
    if (status !== 0) fail('the build failed; see above')
  }
  writeFileSync(BUILT, buildState())
}

export async function prepare() {
  await install()
  await build()
}
