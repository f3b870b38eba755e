/** What a configuration file names of user code: found, read once, tried in a process of its own, or refused with a reason. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { versionOf } from '../../../../src/base/function-reference.ts';
import { loadConfig } from '../../../../src/control/config/load.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

const FILTERS = `
export function tag(request: { setHeader(name: string, value: string): void }): void { request.setHeader('x-tag', '1'); }
export const other = 5;
`;

const yaml = (reference: string): string => `
listeners: { web: { listen: "127.0.0.1:0" } }
services:
  app:
    pools: { main: { targets: [ { url: "http://127.0.0.1:3000" } ] } }
    filters:
      - onRequest: { function: "${reference}" }
`;

const AT = '/services/app/filters/0/onRequest/function';

describe('a file that names a function', () => {
  it('gets it by absolute path and version, relative to the file itself', async () => {
    const folder = temporaryFolder({ 'cutover.yaml': yaml('./filters.ts#tag'), 'filters.ts': FILTERS });
    const { config, modules } = await loaded(folder, 'cutover.yaml');
    const file = path.join(folder, 'filters.ts');
    const reference = `${file}?v=${versionOf(FILTERS)}#tag`;
    expect(config.services?.['app']?.filters).toEqual([{ onRequest: { function: reference } }]);
    expect(modules).toEqual([{ file, version: versionOf(FILTERS), source: FILTERS, functions: ['tag'] }]);
  });

  const refused: readonly (readonly [what: string, reference: string, source: string, message: string])[] = [
    ['is not there', './missing.ts#tag', '', 'missing.ts cannot be read: there is no such file'],
    ['is no module', './cutover.yaml#tag', '', 'is no module: its name must end in .ts, .mts, .js or .mjs'],
    ['has no such export', './filters.ts#tga', FILTERS, 'it exports no "tga"; did you mean "tag"?'],
    ['exports something else', './filters.ts#other', FILTERS, '"other" is not a function'],
    ['throws', './filters.ts#tag', `\n\nthrow new Error('no database');`, '(line 3): Error: no database'],
    [
      'is not TypeScript',
      './filters.ts#tag',
      `export const tag = () => ;`,
      'filters.ts does not load (line 1): SyntaxError',
    ],
    ['needs what is not there', './filters.ts#tag', `import './nothing.ts';`, 'Cannot find module'],
    ['ends its process', './filters.ts#tag', `process.exit(7);`, 'filters.ts ends its process (code 7)'],
  ];
  it.each(refused)('is refused where the file %s', async (_what, reference, source, message) => {
    const files = { 'cutover.yaml': yaml(reference), 'filters.ts': source };
    const { config, problems } = await loadConfig(path.join(temporaryFolder(files), 'cutover.yaml'));
    expect(config).toBeNull();
    expect(problems).toEqual([{ path: AT, line: 7, column: 32, message: expect.stringContaining(message) }]);
  });

  it('is refused with its line where the text is no reference', async () => {
    const folder = temporaryFolder({ 'cutover.yaml': yaml('./filters.ts') });
    const { problems } = await loadConfig(path.join(folder, 'cutover.yaml'));
    expect(problems).toMatchObject([{ path: AT, line: 7, message: expect.stringContaining('"./rules.ts#isTester"') }]);
  });

  it('is refused where the filter has no function at all', async () => {
    const text = yaml('./filters.ts#tag').replace(/onRequest:.*/, '{}');
    const { problems } = await loadConfig(path.join(temporaryFolder({ 'cutover.yaml': text }), 'cutover.yaml'));
    expect(problems).toMatchObject([
      { path: '/services/app/filters/0', message: expect.stringContaining('no function') },
    ]);
  });
});

describe('a configuration that is a module', () => {
  const CONFIG = `
    export default {
      listeners: { web: { listen: '127.0.0.1:0' } },
      workers: undefined,
      services: {
        app: {
          pools: { main: { targets: [{ url: 'http://127.0.0.1:3000' }] } },
          filters: [{ onRequest: (request: unknown): void => {} }, { onResponse: { function: './filters.ts#tag' } }],
        },
      },
    };
  `;

  it('is a document with references to the functions inside of it', async () => {
    const folder = temporaryFolder({ 'cutover.config.ts': CONFIG, 'filters.ts': FILTERS });
    const { config, modules } = await loaded(folder, 'cutover.config.ts');
    const file = path.join(folder, 'cutover.config.ts');
    const pointer = '/services/app/filters/0/onRequest';
    expect(config.services?.['app']?.filters).toEqual([
      { onRequest: { function: `${file}?v=${versionOf(CONFIG)}#${pointer}` } },
      { onResponse: { function: `${path.join(folder, 'filters.ts')}?v=${versionOf(FILTERS)}#tag` } },
    ]);
    expect(modules.map(({ file: of, functions }) => [path.basename(of), functions])).toEqual([
      ['cutover.config.ts', [pointer]],
      ['filters.ts', ['tag']],
    ]);
  });

  const refused: readonly (readonly [what: string, source: string, path: string, message: string])[] = [
    ['throws', `\nthrow new TypeError('no');`, '', '(line 2): TypeError: no'],
    ['has no default export', 'export const config = {};', '', 'write: export default defineConfig({ … })'],
    ['holds itself', 'const a: any = {}; a.b = a; export default a;', '', 'holds itself at /b'],
    ['has a misspelt field', 'export default { listners: {} };', '/listners', 'did you mean "listeners"?'],
    [
      'has a function where none can be',
      CONFIG.replace('version:', 'x').replace('workers: undefined', 'workers: () => 2'),
      '/workers',
      'must be a whole number',
    ],
  ];
  it.each(refused)('is refused where it %s', async (_what, source, at, message) => {
    const folder = temporaryFolder({ 'cutover.config.ts': source, 'filters.ts': FILTERS });
    const { config, problems } = await loadConfig(path.join(folder, 'cutover.config.ts'));
    expect(config).toBeNull();
    expect(problems).toContainEqual({ path: at, line: 1, column: 1, message: expect.stringContaining(message) });
  });
});

async function loaded(folder: string, name: string) {
  const result = await loadConfig(path.join(folder, name));
  if (result.config === null) throw new Error(JSON.stringify(result.problems));
  return result;
}
