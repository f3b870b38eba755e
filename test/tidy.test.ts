/**
 * The order of the house, kept by reading src/ itself: who may import whom, what files may be called, where state may
 * live, and that package.json and its lockfile name exactly the packages that are used.
 *
 * Where a rule stands in the way of something good, change the rule here, in the same commit, and say why.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readModule, type ImportFact } from './helpers/read-module.ts';

interface ImportRule {
  /** Glob below src/. A file belongs to the first row that matches it; files of one row may always import each other. */
  readonly files: string;
  /** What its imports may load. */
  readonly values: readonly string[];
  /** What, besides, it may name with `import type`. */
  readonly types?: readonly string[];
}

/** The shapes and constants that both planes agree on; the compiler of snapshots beside them belongs to control. */
const CONTRACT = [
  'snapshot/types.ts',
  'snapshot/algorithm-spec.ts',
  'snapshot/buffer-spec.ts',
  'snapshot/credential-spec.ts',
  'snapshot/data-plane.ts',
  'snapshot/explain.ts',
  'snapshot/protection-spec.ts',
  'snapshot/slots.ts',
  'snapshot/rule-spec.ts',
  'snapshot/lookup-spec.ts',
  'snapshot/shape-spec.ts',
  'snapshot/wellness-spec.ts',
];

/** What every stage of a request may use: the contract, and what is directly in proxy/ but what knows all stages. */
const COMMON_GROUND = ['base/**', ...CONTRACT, 'proxy/!(pipeline|connection-pipeline|explain|explain-points).ts'];

/** Decisions are pure: they see data and nothing of sockets. `decide` is then the same for a request and for explain. */
const DECISION: Pick<ImportRule, 'values' | 'types'> = {
  values: ['base/**', ...CONTRACT],
  types: ['snapshot/**', 'proxy/!(pipeline).ts', 'proxy/http1/**', 'proxy/upstream/**'],
};

const MAY_IMPORT: readonly ImportRule[] = [
  { files: 'base/**', values: [] },
  { files: 'schema/**', values: ['base/**'] },
  { files: 'snapshot/**', values: ['base/**', 'schema/**'] },

  // What user code is and how it is loaded: both planes do that, and know nothing else of it.
  { files: 'modules/**', values: ['base/**'], types: ['schema/**', 'snapshot/**'] },

  // The data plane. Only the pipeline knows all stages; nothing in here knows the control plane. Files directly in
  // proxy/ join what is long-lived (targets, pools, listeners) with what is decided, but move no bytes.
  // What is explained is what the pipeline does, by its own functions.
  {
    files: 'proxy/{pipeline,connection-pipeline,explain}.ts',
    values: ['base/**', ...CONTRACT, 'proxy/**', 'modules/**'],
    types: ['snapshot/**'],
  },
  // Puts a whole data plane together, for one process.
  { files: 'proxy/data-plane.ts', values: ['base/**', ...CONTRACT, 'proxy/**', 'modules/**'] },
  { files: 'proxy/route/**', ...DECISION },
  { files: 'proxy/split/**', ...DECISION },
  { files: 'proxy/rules/**', ...DECISION, values: [...DECISION.values, 'proxy/split/request-facts.ts'] },
  { files: 'proxy/balance/**', ...DECISION },
  { files: 'proxy/limit/**', values: COMMON_GROUND },
  { files: 'proxy/hold/**', values: [...COMMON_GROUND, 'proxy/http1/**', 'proxy/limit/**'] },
  { files: 'proxy/http1/**', values: COMMON_GROUND },
  { files: 'proxy/http2/**', values: [...COMMON_GROUND, 'proxy/http1/**'] },
  {
    files: 'proxy/upstream/**',
    values: [...COMMON_GROUND, 'proxy/http1/**', 'proxy/http2/**'],
    types: ['proxy/balance/**'], // a target is what balancers choose from
  },
  // What is kept of messages until they are whole.
  { files: 'proxy/buffer/**', values: [...COMMON_GROUND, 'proxy/http1/**'] },
  {
    files: 'proxy/forward/**',
    values: [...COMMON_GROUND, 'proxy/{http1,http2,upstream,buffer}/**'],
    types: ['proxy/{limit,wellness}/**'], // an exchange may have to wait for a target with room
  },
  { files: 'proxy/mirror/**', values: [...COMMON_GROUND, 'proxy/http1/**', 'proxy/upstream/**'] },
  // What is changed of messages on their way.
  { files: 'proxy/shape/**', values: [...COMMON_GROUND, 'proxy/http1/**'] },
  { files: 'proxy/warm-up/**', values: [...COMMON_GROUND, 'proxy/http1/**', 'proxy/upstream/**'] },
  // Which targets are well, and since when.
  { files: 'proxy/wellness/**', values: COMMON_GROUND },
  {
    files: 'proxy/tunnel/**',
    values: [...COMMON_GROUND, 'proxy/{http1,upstream,forward}/**'],
    types: ['proxy/{limit,hold}/**'],
  },
  { files: 'proxy/filters/**', values: [...COMMON_GROUND, 'proxy/{http1,split,balance}/**', 'modules/**'] },
  {
    files: 'proxy/listener/**',
    values: [...COMMON_GROUND, 'proxy/http1/**', 'proxy/http2/**', 'proxy/tunnel/**'],
    types: ['proxy/hold/**'],
  },
  {
    files: 'proxy/*.ts',
    values: [
      'base/**',
      ...CONTRACT,
      'proxy/{route,rules,split,balance,limit,hold,listener,upstream,shape,wellness}/**',
    ],
    types: ['snapshot/**', 'proxy/**', 'modules/**'],
  },

  // The control plane reaches the data plane only through the contract.
  { files: 'control/**', values: ['base/**', 'schema/**', 'snapshot/**', 'modules/**'], types: ['observe/**'] },

  { files: 'observe/**', values: ['base/**', 'schema/**', ...CONTRACT], types: ['snapshot/**'] },

  // In the browser: it speaks HTTP with the admin API.
  { files: 'dashboard/**', values: [], types: ['schema/**'] },

  // Composition roots: they put everything together, and nobody but the commands may import them.
  { files: 'cli/**', values: ['**'] },
  { files: '{main,primary,worker,index}.ts', values: ['**'] },
];

const MAY_HOLD_STATE = ['main.ts', 'primary.ts', 'worker.ts'];
const MAY_BE_A_BARREL = 'index.ts';
const NAMES_THAT_SAY_NOTHING = ['util', 'utils', 'helper', 'helpers', 'common', 'manager', 'managers', 'misc'];

/** Runs in the browser, from a bundle: its packages are needed to build, not to run. */
const BUNDLED = 'dashboard/**';
/** As long as one of these is missing, src/ is incomplete and a package may still be waiting for its first use. */
const PARTS_OF_A_WHOLE = ['main.ts', 'primary.ts', 'worker.ts', 'index.ts', 'cli', 'control/admin', 'observe', 'proxy'];

const ROOT = path.join(import.meta.dirname, '..');

interface Source {
  /** Below src/, with slashes. */
  readonly file: string;
  readonly text: string;
}

interface Packages {
  readonly dependencies: readonly string[];
  readonly devDependencies: readonly string[];
}

interface Lockfile {
  readonly packages: Readonly<Record<string, LockedPackage>>;
}

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const sources: readonly Source[] = globSync('**/*.{ts,tsx}', { cwd: path.join(ROOT, 'src') })
  .map((file) => file.split(path.sep).join('/'))
  .toSorted()
  .map((file) => ({ file, text: readFileSync(path.join(ROOT, 'src', file), 'utf8') }));

const packages = readPackages();
const isWhole = PARTS_OF_A_WHOLE.every((part) => existsSync(path.join(ROOT, 'src', part)));

describe('src/', () => {
  it('imports only along the table', () => {
    expect(sources.flatMap(forbiddenImports)).toEqual([]);
  });

  it('has file and folder names in kebab-case that say what is inside', () => {
    const files = globSync('**/*', { cwd: path.join(ROOT, 'src') }).map((file) => file.split(path.sep).join('/'));
    expect(files.flatMap(badNames)).toEqual([]);
  });

  it('has no barrel but its index.ts', () => {
    expect(sources.flatMap(barrels)).toEqual([]);
  });

  it('keeps changing state out of modules', () => {
    expect(sources.flatMap(moduleState)).toEqual([]);
  });

  it('uses only packages that package.json names', () => {
    expect(sources.flatMap((source) => undeclaredPackages(source, packages))).toEqual([]);
  });

  it.skipIf(!isWhole)('uses every package that package.json names', () => {
    expect(unusedPackages(sources, packages)).toEqual([]);
  });
});

describe('package-lock.json', () => {
  // `npm install` leaves out what it could not get, and `npm ci` then fails on every machine.
  it('has every package of every platform, with its address and checksum', () => {
    const lock = JSON.parse(readFileSync(path.join(ROOT, 'package-lock.json'), 'utf8')) as Lockfile;
    expect(holes(lock)).toEqual([]);
  });

  it('is found to be incomplete where a binary of another platform is missing', () => {
    const complete = { version: '1.0.0', resolved: 'https://registry.npmjs.org/a.tgz', integrity: 'sha512-a' };
    const packages = { '': {}, 'node_modules/a': { ...complete, optionalDependencies: { 'a-win32': '1.0.0' } } };
    expect(holes({ packages })).toEqual([expect.stringContaining('a-win32')]);
  });
});

describe('the rules', () => {
  const undeclared = (source: Source): string[] => undeclaredPackages(source, packages);
  type Case = readonly [rule: string, file: string, text: string];

  const forbidden: readonly Case[] = [
    ['base imports nothing', 'base/clock.ts', `import { a } from '../schema/config.ts';`],
    ['a balancer does not know the router', 'proxy/balance/p2c.ts', `import type { R } from '../route/r.ts';`],
    ['a decision loads nothing of the proxy', 'proxy/split/a.ts', `import { A } from '../errors.ts';`],
    ['an inline type still loads the module', 'proxy/split/a.ts', `import { type A } from '../errors.ts';`],
    ['no stage knows the pipeline', 'proxy/forward/a.ts', `import { A } from '../pipeline.ts';`],
    ['only the pipeline forwards', 'proxy/pool.ts', `import { A } from './forward/a.ts';`],
    ['upstream does not know forward', 'proxy/upstream/a.ts', `import { A } from '../forward/a.ts';`],
    ['proxy does not know control', 'proxy/context.ts', `import type { A } from '../control/store/a.ts';`],
    ['control does not know proxy', 'control/admin/a.ts', `type A = import('../../proxy/outcome.ts').A;`],
    ['control does not ask for it later either', 'control/a.ts', `await import('../proxy/outcome.ts');`],
    ['the data plane does not load the compiler', 'proxy/a.ts', `export { a } from '../snapshot/compile.ts';`],
    ['observe does not know control', 'observe/a.ts', `import '../control/a.ts';`],
    ['nobody imports a composition root', 'control/a.ts', `import { a } from '../primary.ts';`],
    ['a new part needs a row', 'proxy/teapot/a.ts', ''],
    ['nothing is imported from outside of src', 'control/a.ts', `import { a } from '../../test/helpers/a.ts';`],
    ['builtins are called node:', 'base/a.ts', `import fs from 'fs';`],
  ];
  it.each(forbidden)('reject an import: %s', (_rule, file, text) => expectComplaint(forbiddenImports, file, text));

  const stateful: readonly Case[] = [
    ['let', 'proxy/route/a.ts', 'let count = 0;'],
    ['export let', 'proxy/route/a.ts', 'export let count = 0;'],
  ];
  it.each(stateful)('reject state of a module: %s', (_rule, file, text) => expectComplaint(moduleState, file, text));

  const handingOn: readonly Case[] = [
    ['at once', 'proxy/stages.ts', `export { a } from './route/a.ts';\nexport * from './split/b.ts';`],
    ['in two steps', 'proxy/stages.ts', `import { a } from './route/a.ts';\nexport { a };`],
    ['by its name', 'proxy/route/index.ts', 'export const a = 1;'],
  ];
  it.each(handingOn)('reject a barrel: %s', (_rule, file, text) => expectComplaint(barrels, file, text));

  const unknown: readonly Case[] = [
    ['that nobody declared', 'cli/a.ts', `import 'left-pad/x.js';`],
    ['that is there for the tests', 'cli/a.ts', `import 'vitest';`],
  ];
  it.each(unknown)('reject a package: %s', (_rule, file, text) => expectComplaint(undeclared, file, text));

  it.each(['base/someThing.ts', 'base/Thing.ts', 'proxy/utils/a.ts', 'control/worker-manager.ts', 'base/a_b.ts'])(
    'reject the name %s',
    (file) => expect(badNames(file)).toHaveLength(1),
  );

  it('reject a package that nobody uses', () => {
    const used = [{ file: 'cli/a.ts', text: `import { a } from '@scope/used/sub.js';` }];
    const declared = { dependencies: ['@scope/used', 'idle'], devDependencies: [] };
    expect(unusedPackages(used, declared)).toEqual([expect.stringContaining('idle')]);
  });

  const accepted: readonly Source[] = [
    { file: 'proxy/pipeline.ts', text: `import { a } from './route/a.ts';\nimport { b } from './balance/b.ts';` },
    {
      file: 'proxy/route/a.ts',
      text: `import { SLOT_COUNT } from '../../snapshot/types.ts';\nimport type { C } from '../context.ts';`,
    },
    { file: 'proxy/decide.ts', text: `import { a } from './split/a.ts';\nimport type { F } from './forward/f.ts';` },
    { file: 'proxy/upstream/a.ts', text: `import type { Candidate } from '../balance/balancer.ts';` },
    { file: 'proxy/forward/a.ts', text: `import { a } from '../upstream/a.ts';\nimport { b } from './b.ts';` },
    { file: 'control/workers/a.ts', text: `import type { DataPlane } from '../../snapshot/data-plane.ts';` },
    { file: 'cli/run.ts', text: `import { a } from '../primary.ts';\nimport { b } from '../control/config/b.ts';` },
    { file: 'main.ts', text: `import { a } from './cli/a.ts';\nlet b = a;\nimport fs from 'node:fs';` },
    {
      file: 'base/a.ts',
      text: `export const a = 1;\nexport function f() { let b = a; return b; }\nexport { f as g };`,
    },
  ];
  it.each(accepted)('accept $file', (source) => {
    expect([forbiddenImports, moduleState, barrels].flatMap((check) => check(source))).toEqual([]);
  });
});

function expectComplaint(check: (source: Source) => readonly string[], file: string, text: string): void {
  expect(check({ file, text })).toEqual([expect.stringContaining(`src/${file}`)]);
}

function forbiddenImports({ file, text }: Source): string[] {
  const rule = MAY_IMPORT.find(({ files }) => path.matchesGlob(file, files));
  if (rule === undefined) return [`src/${file} belongs to no row of MAY_IMPORT in test/tidy.test.ts: add one for it`];
  return readModule(text, file).imports.flatMap((fact) => {
    const complaint = whyForbidden(file, fact, rule);
    return complaint === null ? [] : [`src/${file}:${fact.line} imports ${fact.from}: ${complaint}`];
  });
}

function whyForbidden(file: string, { from, typeOnly }: ImportFact, rule: ImportRule): string | null {
  if (!from.startsWith('.')) return isBuiltin(from) && !from.startsWith('node:') ? `write node:${from}` : null;
  const imported = path.posix.join(path.posix.dirname(file), from);
  if (imported === '../package.json') return null; // one step above src/ as it is above dist/
  if (imported.startsWith('..')) return 'it is outside of src/, so not in the published package';
  const allows = (patterns: readonly string[]) => patterns.some((pattern) => path.matchesGlob(imported, pattern));
  if (allows([rule.files, ...rule.values])) return null;
  const types = rule.types ?? [];
  if (allows(types)) return typeOnly ? null : `only its types are allowed: write "import type { … }"`;
  const list = (patterns: readonly string[]) => (patterns.length > 0 ? patterns.join(', ') : 'nothing');
  const typesToo = types.length > 0 ? `, and types from ${list(types)}` : '';
  return `${rule.files} may import ${list(rule.values)}${typesToo} (MAY_IMPORT in test/tidy.test.ts)`;
}

function badNames(file: string): string[] {
  const bad = file.split('/').flatMap((name) => {
    const stem = name.replace(/(\.[a-z0-9]+)+$/, '');
    if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(stem)) return [`"${name}" is not kebab-case`];
    const empty = stem.split('-').find((word) => NAMES_THAT_SAY_NOTHING.includes(word));
    return empty === undefined ? [] : [`"${empty}" does not say what is inside: name the one thing it is about`];
  });
  return bad.map((complaint) => `src/${file}: ${complaint}`);
}

function barrels({ file, text }: Source): string[] {
  if (file === MAY_BE_A_BARREL) return [];
  const isBarrel = /(^|\/)index\.tsx?$/.test(file) || readModule(text, file).isBarrel;
  return isBarrel ? [`src/${file} only hands on names of other files: import those files where they are used`] : [];
}

function moduleState({ file, text }: Source): string[] {
  if (MAY_HOLD_STATE.includes(file)) return [];
  return readModule(text, file).moduleVariables.map(
    ({ name, line }) =>
      `src/${file}:${line}: "${name}" is state of a module: let an object own it that someone creates`,
  );
}

function undeclaredPackages({ file, text }: Source, { dependencies, devDependencies }: Packages): string[] {
  return readModule(text, file).imports.flatMap(({ from, line, typeOnly }) => {
    const name = packageOf(from);
    const needsToRun = !typeOnly && !path.matchesGlob(file, BUNDLED);
    if (name === null || dependencies.includes(name) || (!needsToRun && devDependencies.includes(name))) return [];
    return [`src/${file}:${line} imports ${from}: "${name}" is not in the dependencies of package.json`];
  });
}

function unusedPackages(files: readonly Source[], { dependencies }: Packages): string[] {
  const used = new Set(
    files.flatMap(({ file, text }) => readModule(text, file).imports.map(({ from }) => packageOf(from))),
  );
  return dependencies.filter((name) => !used.has(name)).map((name) => `package.json: nothing in src/ uses "${name}"`);
}

function holes({ packages: locked }: Lockfile): string[] {
  return Object.entries(locked).flatMap(([where, found]) => {
    const isWhole = where === '' || (found.version && found.resolved && found.integrity);
    const wanted = Object.keys({ ...found.dependencies, ...found.optionalDependencies });
    return [
      ...(isWhole ? [] : [`package-lock.json: ${where} lacks its version, address or checksum`]),
      ...wanted
        .filter((name) => !isReachable(name, where, locked))
        .map((name) => `package-lock.json: ${name}, which ${where} depends on, is missing`),
    ];
  });
}

/** As node looks for a package: in the node_modules of the folder, and of every folder around it. */
function isReachable(name: string, where: string, locked: Lockfile['packages']): boolean {
  if (Object.hasOwn(locked, path.posix.join(where, 'node_modules', name))) return true;
  return where !== '' && isReachable(name, where.slice(0, Math.max(0, where.lastIndexOf('/node_modules/'))), locked);
}

/** "@scope/name/file.js" → "@scope/name"; null for files and builtins. */
function packageOf(from: string): string | null {
  if (from.startsWith('.') || isBuiltin(from)) return null;
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
}

function readPackages(): Packages {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Record<string, object>;
  return {
    dependencies: Object.keys(manifest['dependencies'] ?? {}),
    devDependencies: Object.keys(manifest['devDependencies'] ?? {}),
  };
}
