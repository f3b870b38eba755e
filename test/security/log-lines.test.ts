/**
 * What clients send ends up in logs and in the audit, before the eyes of operators and in programs that read line by
 * line. There it is text and nothing else: it starts no line, colours no terminal, and turns no reading direction.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from 'vitest';

import { createProgramLog } from '../../src/cli/program-log.ts';
import { type AdminWorld, startAdmin } from '../helpers/start-admin.ts';

const ATTACK = '\u001b[31m\r\n{"level":"error"}\u2028\u202eevil\u009b2J\u0000';

/** Everything that must not reach a terminal or a reader of lines. */
const HARMFUL = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/;

async function startLogged() {
  const lines: string[] = [];
  const log = createProgramLog('info', { write: (line) => lines.push(line) });
  const world = await startAdmin(undefined, undefined, { log });
  return { world, log, lines };
}

async function send({ admin }: AdminWorld, bytes: string): Promise<void> {
  const { hostname, port } = new URL(admin.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.write(Buffer.from(bytes, 'latin1'));
  socket.resume();
  await once(socket, 'close');
}

/** Each is one line, and a document with a level of its own. */
function expectHarmless(lines: readonly string[]): void {
  for (const line of lines) {
    expect(line.endsWith('\n')).toBe(true);
    expect(line.slice(0, -1)).not.toMatch(HARMFUL);
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
  }
}

it('a field with colours and a line of its own yields one line', async () => {
  const { world, lines } = await startLogged();
  await send(world, 'GET /v1/status HTTP/1.1\r\nHost: localhost\r\nX: \x1b[31m\r\n{"level":"error"}\r\n\r\n');
  expect(lines).toHaveLength(1);
  expectHarmless(lines);
});

it('so does a path with them, and the audit shows it as text', async () => {
  const { world, lines } = await startLogged();
  const name = encodeURIComponent(ATTACK.replace('\0', ''));
  expect((await world.call('PUT', `/v1/services/${name}`, { body: {} })).status).toBe(400);
  expect((await world.call('DELETE', `/v1/services/${name}`)).status).toBe(404);
  expect(lines).toHaveLength(1);
  expectHarmless(lines);
  const entries = await world.store.audit(2);
  for (const { detail, service } of entries) expect(`${detail}${service}`).not.toMatch(HARMFUL);
  expect(entries.map(({ service }) => service)).toEqual(
    Array(2).fill(expect.stringContaining('\\u001b[31m\\u000d\\u000a')),
  );
});

it('so does a mistake of ours that carries them, and whatever else is logged', async () => {
  const { world, log, lines } = await startLogged();
  world.dataPlane.report = () => Promise.reject(new Error(ATTACK));
  expect((await world.call('GET', '/v1/status')).status).toBe(500);
  log.error({ [ATTACK]: ATTACK, err: new Error(ATTACK) }, ATTACK);
  expect(lines).toHaveLength(2);
  expectHarmless(lines);
});

it('what is too long is cut', async () => {
  const { world, lines } = await startLogged();
  await world.call('PUT', `/v1/${'x'.repeat(10_000)}`, { body: {} });
  await world.call('DELETE', `/v1/services/${'x'.repeat(290)}`);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.length).toBeLessThan(1_500);
  expect((await world.store.audit(10)).every(({ detail }) => detail.length <= 1_000)).toBe(true);
});

it('no secret gets there: not that of a token, of a cookie, or in an address', async () => {
  const { world, lines } = await startLogged();
  const headers = { authorization: 'Bearer s3cret', cookie: 'id=s3cret', 'proxy-authorization': 'Basic s3cret' };
  await world.call('POST', '/v1/services/shop/cutovers?token=s3cret', { body: { password: 's3cret' }, headers });
  await world.call('PATCH', '/v1/services/shop', { body: { sticky: { cookie: 'c', secret: 's3cret' } }, headers });
  for (const body of ['{"secret": s3cret}', '{"secret":"s3cret" x', 's3cret', '"s3cret']) {
    expect((await world.call('PATCH', '/v1/services/shop', { body })).status).toBe(400);
  }
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.join('') + JSON.stringify(await world.store.audit(10))).not.toContain('s3cret');
});
