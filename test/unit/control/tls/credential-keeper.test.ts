import path from 'node:path';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { ControlError } from '../../../../src/control/control-error.ts';
import { CredentialKeeper, TICKET_KEY_MS } from '../../../../src/control/tls/credential-keeper.ts';
import type { ConfigDocument } from '../../../../src/schema/config.ts';
import { createAuthority } from '../../../helpers/certificates.ts';
import { FakeDataPlane } from '../../../helpers/fake-data-plane.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

const authority = createAuthority();

function start() {
  const said: object[] = [];
  const clock = manualClock(Date.now());
  const dataPlane = new FakeDataPlane();
  const log = {
    info: (fields: object) => said.push(fields),
    warn: (fields: object) => said.push(fields),
    error: () => {},
  };
  const keeper = new CredentialKeeper({ clock, dataPlane, log });
  const folder = temporaryFolder();
  const write = (name: string): void => {
    const { cert, key } = authority.issue({ names: [`dns:${name}`] });
    writeFileSync(path.join(folder, 'c.pem'), cert);
    writeFileSync(path.join(folder, 'k.pem'), key);
  };
  write('a.test');
  const tls = { certificates: [{ cert: 'c.pem', key: 'k.pem' }] };
  const config: ConfigDocument = { listeners: { web: { listen: '127.0.0.1:0', protocol: 'https', tls } } };
  const read = () => keeper.read(config, path.join(folder, 'cutover.yaml'));
  return { keeper, clock, dataPlane, said, folder, write, read };
}

it('sends certificates with keys for tickets, and again only when they differ', async () => {
  const { keeper, dataPlane, read, write } = start();
  await keeper.use(await read());
  await keeper.use(await read());
  expect(dataPlane.credentials.length).toBe(1);
  write('b.test');
  await keeper.use(await read());
  expect(dataPlane.credentials.map(({ certificates }) => certificates['web']?.[0]?.names)).toEqual([
    ['a.test'],
    ['b.test'],
  ]);
  const keys = new Set(dataPlane.credentials.map(({ ticketKeys }) => ticketKeys));
  expect([...keys].map((key) => Buffer.from(key, 'base64').length)).toEqual([48]);
});

it('makes new keys for tickets every hour, and none after the end', async () => {
  const { keeper, clock, dataPlane, read } = start();
  await keeper.use(await read());
  clock.advance(TICKET_KEY_MS);
  clock.advance(TICKET_KEY_MS);
  expect(new Set(dataPlane.credentials.map(({ ticketKeys }) => ticketKeys)).size).toBe(3);
  expect(new Set(dataPlane.credentials.map(({ certificates }) => JSON.stringify(certificates))).size).toBe(1);
  keeper.close();
  clock.advance(TICKET_KEY_MS);
  expect(dataPlane.credentials.length).toBe(3);
});

it('needs no keys and no timer where no listener speaks TLS', async () => {
  const { keeper, clock, dataPlane } = start();
  await keeper.use(await keeper.read({ listeners: { web: { listen: '127.0.0.1:0' } } }, '/cutover.yaml'));
  expect(dataPlane.credentials).toEqual([]);
  expect(clock.pendingTimers()).toBe(0);
});

it('keeps what it has where a file cannot be used, and says nothing of what is in one', async () => {
  const { keeper, dataPlane, folder, read, said } = start();
  await keeper.use(await read());
  writeFileSync(path.join(folder, 'k.pem'), 'nothing');
  const refusal = await read().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(ControlError);
  expect((refusal as ControlError).problems).toEqual([
    { path: '/listeners/web/tls/certificates/0/key', message: expect.stringContaining('has no private key') },
  ]);
  expect(dataPlane.credentials.length).toBe(1);
  expect(JSON.stringify(said)).not.toMatch(/PRIVATE|BEGIN/);
});
