/**
 * The disk that messages are kept on is full. It costs the request that does not fit a 503, at both ends of it, and nothing
 * that comes once there is space again.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';

import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import { downloadBody } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask, startClient } from '../helpers/start-client.ts';
import { temporaryFolder } from '../helpers/temporary-folder.ts';

const DISK_BYTES = 256 * 1024;
const BUFFER = { memory: '16KiB', disk: '10MiB' } as const;

function mountDisk(): string | null {
  const disk = path.join(temporaryFolder(), 'disk');
  mkdirSync(disk);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK_BYTES}`, 'tmpfs', disk]).status !== 0) return null;
  onTestFinished(() => void spawnSync('umount', ['-l', disk]));
  return disk;
}

async function startOn(folder: string, url: string) {
  const dataPlane = new ProxyDataPlane({ spool: { folder } });
  onTestFinished(async () => void (await dataPlane.close({ drainMs: 0 })));
  const buffering = { request: BUFFER, response: BUFFER };
  const service = serviceWithDefaults({ pools: { only: { targets: [{ url }] } }, buffering });
  const changed = [compileService('app', service, null, { stickySecret: 'only-of-this-test' })];
  await dataPlane.apply({ generation: 1, changed, removed: [] });
  const { port } = await dataPlane.listen(compileListener('web', listenerWithDefaults({ listen: '127.0.0.1:0' })));
  return { dataPlane, port };
}

function freeBytes(disk: string): number {
  const { bavail, bsize } = statfsSync(disk);
  return bavail * bsize;
}

it('refuses what does not fit, keeps what does, and has all of its space back', async (t) => {
  const disk = mountDisk() ?? t.skip('a small disk cannot be mounted here');
  const backend = await startBackend('v1');
  const { dataPlane, port } = await startOn(disk, backend.url);
  const space = freeBytes(disk);
  const client = await startClient(port);
  const download = (bytes: number) =>
    client.request({ path: `/download?bytes=${bytes}`, fields: [['X-Test-Id', 'd']] });
  for (let round = 0; round < 2; round++) {
    const asked = backend.requests.length;
    expect((await ask(port, { method: 'POST', path: '/upload', body: Buffer.alloc(2 * DISK_BYTES) })).status).toBe(503);
    expect(backend.requests).toHaveLength(asked);
    expect((await download(2 * DISK_BYTES)).status).toBe(503);
    await eventually(() => expect(freeBytes(disk)).toBe(space));
    expect((await download(DISK_BYTES / 2)).body.equals(downloadBody('v1', 'd', DISK_BYTES / 2))).toBe(true);
    const fitting = await ask(port, { method: 'POST', path: '/upload', body: Buffer.alloc(DISK_BYTES / 2) });
    expect(JSON.parse(fitting.body.toString())).toMatchObject({ bytes: DISK_BYTES / 2 });
  }
  await eventually(() => expect(freeBytes(disk)).toBe(space));
  const { pools, buffered, ledger } = await dataPlane.report();
  expect([pools[0]?.failures, buffered]).toEqual([{ buffer_unavailable: 4 }, { memory: 0, disk: 0 }]);
  const { accepted = 0, completed, proxyFailed } = ledger.at(-1) ?? {};
  expect({ accepted, completed, proxyFailed }).toEqual({ accepted: 8, completed: 4, proxyFailed: 4 });
});
