import { expect, test } from 'vitest';
import { wantedTargets } from '../../../../src/control/health/wanted-targets.ts';
import type { HealthConfig } from '../../../../src/schema/health.ts';
import type { ServiceSpec, TargetSpec } from '../../../../src/snapshot/types.ts';

const HEALTH: HealthConfig = {
  type: 'http',
  method: 'GET',
  headers: {},
  path: '/healthz',
  interval: '2s',
  timeout: '500ms',
  rise: 2,
  fall: 3,
  status: ['200-299', 304, '401'],
  initialState: 'up',
};

const SERVICE: Pick<ServiceSpec, 'name' | 'pools'> = {
  name: 'shop',
  pools: [
    { name: 'blue', version: '', targets: [targetSpec(3001)] },
    { name: 'green', version: '', targets: [targetSpec(3002), { ...targetSpec(3003), state: 'maint' }] },
  ],
};

function targetSpec(port: number): TargetSpec {
  return { id: `127.0.0.1:${port}`, host: '127.0.0.1', port, weight: 1, zone: '', backup: false, state: 'ready' };
}

test('every target of every pool is wanted, those out of traffic too', () => {
  const wanted = wantedTargets(SERVICE, HEALTH, 'at-start').map(
    ({ service, pool, target }) => `${service} ${pool} ${target}`,
  );
  expect(wanted).toEqual(['shop blue 127.0.0.1:3001', 'shop green 127.0.0.1:3002', 'shop green 127.0.0.1:3003']);
});

test('the check is compiled to milliseconds and ranges, and asks the target itself where no host is set', () => {
  expect(wantedTargets(SERVICE, HEALTH, 'at-start')[0]?.check).toMatchObject({
    path: '/healthz',
    intervalMs: 2000,
    timeoutMs: 500,
    rise: 2,
    fall: 3,
    host: null,
    statuses: [
      { from: 200, to: 299 },
      { from: 304, to: 304 },
      { from: 401, to: 401 },
    ],
  });
});

test('targets start as configured when the process starts, and down when they come while it runs', () => {
  expect(wantedTargets(SERVICE, HEALTH, 'at-start')[0]?.initial).toBe('up');
  expect(wantedTargets(SERVICE, { ...HEALTH, initialState: 'down' }, 'at-start')[0]?.initial).toBe('down');
  expect(wantedTargets(SERVICE, HEALTH, 'while-running')[0]?.initial).toBe('down');
});

test('a service without health has targets without checks', () => {
  expect(wantedTargets(SERVICE, undefined, 'while-running')[0]?.check).toBeNull();
});

test('a target that was down when the process before ended starts down, whatever the others start as', () => {
  const wasDown = (pool: string, target: string): boolean => pool === 'green' && target === '127.0.0.1:3002';
  expect(wantedTargets(SERVICE, HEALTH, 'at-start', wasDown).map(({ initial }) => initial)).toEqual([
    'up',
    'down',
    'up',
  ]);
});
