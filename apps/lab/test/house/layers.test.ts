import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ROOT } from '../../src/docs/sources.js'

/** Low to high. A package may know only lower floors; a same-floor edge needs a line, and a reason, here. */
const floors = [
  ['base'],
  ['wire', 'crypto', 'config'],
  ['ikev2', 'esp', 'gre', 'mtu', 'ospf-relay'],
  ['datapath', 'store', 'metrics', 'admin-api'],
  ['packet-io', 'sim'],
  ['bruneld', 'cli', 'lab'],
]

const allowed: Readonly<Record<string, string>> = {
  'config>crypto': 'proposals are read into the transforms that crypto names, so that a word means one thing',
  'config>wire': 'addresses have one canonical text',
  'lab>bruneld':
    'the lab runs the daemon; only its IKE benchmark holds parts of it, to load them without TUN interfaces',
  'lab>cli': 'the lab runs the command line; it starts its program and imports nothing',
}

/** Packages whose sources see no clock, no dice and no system; their compiler options take those names away. */
const pure = ['base', 'wire', 'config', 'ikev2', 'esp', 'gre', 'mtu', 'ospf-relay', 'datapath']

const floorOf = (name: string): number => floors.findIndex(floor => floor.includes(name))
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

for (const dir of ['packages', 'apps'])
  for (const self of readdirSync(join(ROOT, dir))) {
    if (!existsSync(join(ROOT, dir, self, 'package.json'))) continue
    const manifest = JSON.parse(read(`${dir}/${self}/package.json`)) as Record<
      string,
      Record<string, string> | undefined
    >
    const ours = (names: Record<string, string> = {}): readonly string[] =>
      Object.keys(names)
        .filter(name => name.startsWith('@brunel/'))
        .map(name => name.slice(8))

    t.test(`${self} keeps to its floor`, async t => {
      t.not(floorOf(self), -1, 'lives on a floor: if it is new, add it to the table above')
      for (const dep of ours(manifest['dependencies']))
        t.ok(
          floorOf(dep) < floorOf(self) || `${self}>${dep}` in allowed,
          `must not know ${dep}: take what it needs as a port, and let apps/bruneld connect them`,
        )
    })

    t.test(`${self} builds in the order that turbo knows`, async t => {
      const known = new Set([...ours(manifest['dependencies']), ...ours(manifest['devDependencies'])])
      for (const half of ['src', 'test']) {
        const { references = [] } = JSON.parse(read(`${dir}/${self}/tsconfig.${half}.json`)) as {
          references?: { path: string }[]
        }
        for (const { path } of references) {
          const name = /packages\/([^/]+)/.exec(path)?.[1]
          if (name !== undefined)
            t.ok(
              known.has(name),
              `tsconfig.${half}.json refers to ${name}: package.json must name @brunel/${name} as well`,
            )
        }
      }
    })

    if (pure.includes(self))
      t.test(`${self} is compiled without ambient authority`, async t => {
        t.match(read(`${dir}/${self}/tsconfig.src.json`), /tsconfig\.pure\.json/)
      })
  }

t.test('the compiler options of pure packages name neither node nor the DOM', async t => {
  const { compilerOptions } = JSON.parse(read('tsconfig.pure.json')) as {
    compilerOptions: { lib: unknown; types: unknown }
  }
  t.same(compilerOptions.lib, ['ES2023'])
  t.same(compilerOptions.types, [])
})
