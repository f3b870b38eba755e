import { expect, it } from 'vitest';

import { compileHealthCheck } from '../../../../src/control/config/health-check.ts';
import { serviceWithDefaults } from '../../../../src/schema/with-defaults.ts';
import type { HealthDocument } from '../../../../src/schema/health.ts';

function compile(health: HealthDocument) {
  const service = serviceWithDefaults({ pools: { main: {} }, health });
  if (service.health === undefined) throw new Error('the service has health checks');
  return compileHealthCheck(service.health);
}

it('a health check has its defaults in milliseconds', () => {
  expect(compile({})).toEqual({
    type: 'http',
    method: 'GET',
    path: '/',
    headers: [],
    intervalMs: 2_000,
    downIntervalMs: 2_000,
    timeoutMs: 1_000,
    rise: 2,
    fall: 3,
    host: null,
    statuses: [{ from: 200, to: 299 }],
    bodyContains: null,
  });
});

it('a health check of a target that is down has a rhythm of its own where one is given', () => {
  expect(compile({ interval: '10s', downInterval: '500ms' })).toMatchObject({
    intervalMs: 10_000,
    downIntervalMs: 500,
  });
});

it('a health check has the statuses of the document, single ones and ranges', () => {
  expect(compile({ host: 'app:80', status: [200, '204', '300-399'] })).toMatchObject({
    host: 'app:80',
    statuses: [
      { from: 200, to: 200 },
      { from: 204, to: 204 },
      { from: 300, to: 399 },
    ],
  });
});
