/** `cutover explain`, of a running proxy and by a file. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';

import { type ExplainOptions, explainCommand } from '../../src/cli/explain.ts';
import { createProxy } from '../../src/index.ts';
import type { ConfigDocument } from '../../src/schema/config.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const CONFIG: ConfigDocument = {
  listeners: { web: { listen: '127.0.0.1:0' } },
  admin: { listen: '127.0.0.1:0' },
  state: { path: 'memory' },
  workers: 0,
  services: {
    shop: {
      match: { hosts: ['shop.example.com'] },
      pools: {
        blue: { version: '1.4.0', targets: [{ url: 'http://127.0.0.1:3001' }] },
        green: { targets: [{ url: 'http://127.0.0.1:3002', state: 'drain' }, { url: 'http://127.0.0.1:3003' }] },
      },
      split: { blue: 90, green: 10 },
      rules: [{ name: 'testers', when: { headers: { 'x-group': 'beta' } }, pool: 'green' }],
      affinity: { key: ['cookie:uid'] },
    },
  },
};

async function run(options: Partial<ExplainOptions>, env: Record<string, string> = {}) {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await explainCommand(
    { url: 'http://shop.example.com/cart', header: [], cookie: [], ...options },
    { out: (line) => out.push(line), err: (line) => err.push(line), env },
  );
  return { code, out: out.join('\n'), err: err.join('\n') };
}

function configFile(config: object = CONFIG): string {
  const file = path.join(temporaryFolder(), 'cutover.json');
  writeFileSync(file, JSON.stringify(config));
  return file;
}

test('tells people by a file, without a proxy, each point with its reason', async () => {
  const { code, out, err } = await run({ config: configFile(), header: ['X-Group: beta'], clientIp: '203.0.113.9' });
  expect([code, err]).toEqual([0, '']);
  expect(out.split('\n')).toEqual([
    'GET http://shop.example.com/cart from 203.0.113.9, by generation 1',
    '',
    '  service   shop',
    '              the host is its own "shop.example.com", and the path lies below its "/"; no other service says so more precisely',
    '  rule      testers: matches, all its conditions hold',
    '  pool      green',
    '              the rule "testers" sends it there',
    '  target    127.0.0.1:3003',
    '              round-robin chooses it next',
    '              score: turns until it is chosen; the lowest is next',
    '                127.0.0.1:3002: it drains: it serves those alone who are bound to it; weight 1, 0 in flight',
    '              * 127.0.0.1:3003: it may be chosen; weight 1, 0 in flight, score 0',
  ]);
});

test('prints the whole of it as JSON', async () => {
  const { out } = await run({ config: configFile(), cookie: ['uid=somebody'], json: true });
  const told = JSON.parse(out);
  expect(told).toMatchObject({ user: { key: 'cookie:uid' }, split: { isDrawn: false }, refusal: null });
  expect(out).not.toContain('somebody');
});

test('explains what would be refused, which is no failure of its own', async () => {
  const { code, out } = await run({ config: configFile(), url: 'http://elsewhere/' });
  expect(code).toBe(0);
  expect(out).toContain('refused   404 no_service');
});

test('asks a running proxy, as it is and as it is proposed to be', async () => {
  const secret = 'ctv_a-token-for-the-test';
  const tokens = [{ name: 'ci', role: 'admin', sha256: createHash('sha256').update(secret).digest('hex') }] as const;
  const config = { ...CONFIG, admin: { listen: '127.0.0.1:0', tokens: [...tokens] } };
  const proxy = await createProxy({ config });
  onTestFinished(async () => void (await proxy.close()));
  const admin = proxy.admin.url;
  const tokenFile = path.join(temporaryFolder(), 'token');
  writeFileSync(tokenFile, `${secret}\n`);
  const proposed = path.join(temporaryFolder(), 'set.json');
  const changes = [{ method: 'POST', path: '/v1/services/shop/cutovers', body: { to: 'green' } }];
  writeFileSync(proposed, JSON.stringify({ changes }));

  const byToken = await run({ admin, tokenFile, json: true });
  expect([byToken.code, JSON.parse(byToken.out).service.name]).toEqual([0, 'shop']);
  const moved = await run({ proposed }, { CUTOVER_ADMIN: admin, CUTOVER_TOKEN: secret });
  expect(moved.out).toContain('by what is proposed, as generation 2');
  expect(moved.out).toContain('target    127.0.0.1:3003');
  const nobody = await run({ admin });
  expect([nobody.code, nobody.out]).toEqual([1, '']);
  expect(nobody.err).toMatch(/^401 /);
});

test('asks the functions of a configuration that is a module, and knows the zone it would run in', async () => {
  const module = `export default {
    listeners: { web: { listen: '127.0.0.1:0' } },
    services: { shop: {
      pools: {
        main: { targets: [{ url: 'http://127.0.0.1:3001', zone: 'far' }, { url: 'http://127.0.0.1:3002', zone: 'near' }] },
        beta: { targets: [{ url: 'http://127.0.0.1:3003' }] },
      },
      split: { main: 100 },
      algorithm: { name: 'round-robin', zone: {} },
      rules: [{ name: 'testers', when: (request) => request.header('x-group') === 'beta', pool: 'beta' }],
    } },
  };`;
  const config = path.join(temporaryFolder({ 'cutover.config.mjs': module }), 'cutover.config.mjs');
  const near = await run({ config }, { CUTOVER_ZONE: 'near' });
  expect([near.code, near.err]).toEqual([0, '']);
  expect(near.out).toContain('127.0.0.1:3001: targets of another zone come before it; weight 1, 0 in flight, in far');
  expect(near.out).toContain('target    127.0.0.1:3002');
  expect((await run({ config, header: ['X-Group: beta'] })).out).toContain('target    127.0.0.1:3003');
});

test('reaches an admin API on a socket file', async () => {
  const socket = path.join(temporaryFolder(), 'admin.sock');
  const proxy = await createProxy({ config: { ...CONFIG, admin: { listen: `unix:${socket}` } } });
  onTestFinished(async () => void (await proxy.close()));
  const { code, out } = await run({ admin: `unix:${socket}` });
  expect([code, out]).toEqual([0, expect.stringContaining('service   shop')]);
});

test.each<[what: string, options: Partial<ExplainOptions>, said: string]>([
  ['nobody answers', { admin: 'http://127.0.0.1:1' }, 'http://127.0.0.1:1 does not answer'],
  ['the address is none', { admin: 'localhost:9900' }, '--admin must be like'],
  ['there is no token file', { tokenFile: '/nowhere/token' }, '--token-file /nowhere/token cannot be read'],
  ['there is no configuration', { config: '/nowhere/cutover.yaml' }, '/nowhere/cutover.yaml:1:1: cannot be read'],
  ['there is no proposal', { proposed: '/nowhere/set.json' }, '--proposed /nowhere/set.json cannot be read'],
  ['the URL is none', { url: 'shop.example.com' }, 'url: must be a URL as it is sent'],
  ['a field has no name', { header: ['beta'] }, '--header must be "name: value"; it is "beta"'],
  ['a cookie has no value', { cookie: ['uid'] }, '--cookie must be "name=value"; it is "uid"'],
  ['a proposal is for a file', { config: '/x', proposed: '/y' }, '--proposed is for a running proxy'],
])('says why it cannot, and ends with 1, where %s', async (_what, options, said) => {
  const { code, out, err } = await run(options);
  expect([code, out]).toEqual([1, '']);
  expect(err).toContain(said);
});
