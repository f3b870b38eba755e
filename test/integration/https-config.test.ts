/** HTTPS listeners as an operator has them: the example, and what the check of a file says of certificates. */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';

import { checkCommand } from '../../src/cli/check.ts';
import { createProxy } from '../../src/index.ts';
import type { ConfigDocument } from '../../src/schema/config.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { authority, TRUSTING } from '../helpers/start-secure-proxy.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const EXAMPLE = readFileSync(new URL('../../config/https.yaml', import.meta.url), 'utf8');

/** The files that the example names, in a folder of the running test. */
function exampleFolder(validTo?: Date): string {
  const files = ['shop', 'blog'].flatMap((name) => {
    const options = { names: [`dns:${name}.example.com`], ...(validTo && { validTo }) };
    const { cert, key } = authority.issue(options);
    return [
      [`${name}.pem`, cert],
      [`${name}.key`, key],
    ];
  });
  return temporaryFolder({ ...Object.fromEntries(files), 'cutover.yaml': EXAMPLE });
}

async function check(folder: string) {
  const said: string[] = [];
  const say = (line: string): void => void said.push(line.replaceAll(folder, ''));
  const code = await checkCommand(path.join(folder, 'cutover.yaml'), { out: say, err: say });
  return { code, said };
}

test('the example serves each name with its certificate, and sends there who comes without TLS', async () => {
  const [shop, blog] = [await startBackend('shop'), await startBackend('blog')];
  const folder = exampleFolder();
  const placed = EXAMPLE.replaceAll(/127\.0\.0\.1:(8080|8443|9900)/g, '127.0.0.1:0')
    .replaceAll('./', `${folder}/`)
    .replace('http://127.0.0.1:3001', shop.url)
    .replace('http://127.0.0.1:3002', blog.url);
  const config = { ...(parse(placed) as ConfigDocument), state: { path: 'memory' } };
  const proxy = await createProxy({ config });
  onTestFinished(async () => void (await proxy.close()));
  const { port } = proxy.listener('web');
  for (const name of ['shop', 'blog']) {
    const host = `${name}.example.com`;
    const answer = await ask(port, { host }, { tls: { ...TRUSTING, servername: host } });
    expect(answer.field('x-version')).toBe(name);
  }
  const sent = await ask(proxy.listener('plain').port, { host: 'shop.example.com', path: '/cart?x=1' });
  expect([sent.status, sent.field('location')]).toEqual([308, 'https://shop.example.com/cart?x=1']);
});

test('the check of a file looks at its certificates', async () => {
  expect(await check(exampleFolder())).toEqual({ code: 0, said: ['/cutover.yaml: valid, 2 listeners, 3 services'] });
  const folder = exampleFolder();
  writeFileSync(path.join(folder, 'blog.key'), readFileSync(path.join(folder, 'shop.key')));
  expect(await check(folder)).toEqual({
    code: 1,
    said: [
      '/cutover.yaml:10:36: /listeners/web/tls/certificates/1/key: ' +
        'is not the key of the first certificate: "./blog.key"',
    ],
  });
});

test('the check of a file warns of certificates that have expired', async () => {
  const { code, said } = await check(exampleFolder(new Date('2020-01-01T00:00:00Z')));
  expect(code).toBe(0);
  expect(said).toEqual([
    '/cutover.yaml: /listeners/web/tls/certificates/0/cert: warning: has expired on 2020-01-01T00:00:00.000Z: "./shop.pem"',
    '/cutover.yaml: /listeners/web/tls/certificates/1/cert: warning: has expired on 2020-01-01T00:00:00.000Z: "./blog.pem"',
    '/cutover.yaml: valid, 2 listeners, 3 services',
  ]);
});
