import { expect, test } from 'vitest';
import type { Sample } from '../../../bench/measure.ts';
import { type Results, resultTable } from '../../../bench/result-table.ts';

function samples(...cpuMicrosPerRequest: readonly number[]): Sample[] {
  return cpuMicrosPerRequest.map((cpu) => ({
    cpuMicrosPerRequest: cpu,
    requestsPerSecond: 1e6 / cpu,
    p50Ms: 1,
    p99Ms: 2,
    residentBytes: 10 * 2 ** 20,
    corePercent: 100,
    failed: 1,
    othersPercent: 3,
  }));
}

function results(over: Partial<Results> = {}): Results {
  return {
    conditions: {
      takenAt: '2030-01-01T00:00:00.000Z',
      machine: 'a machine',
      node: '26.0.0',
      generator: 'wrk',
      backend: 'nginx',
      placement: 'Somewhere.',
      connections: 64,
      seconds: 5,
      rounds: 3,
      loadBefore: 0,
    },
    contenders: [
      { name: 'cutover', version: '1', samples: samples(18, 36, 15) },
      { name: 'nginx', version: '2', samples: samples(12, 24, 12) },
      { name: 'http-proxy', version: '3', samples: samples(36, 36, 36) },
    ],
    missing: [],
    ...over,
  };
}

function rowOf(page: string, name: string): string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${name}`)) ?? '';
  return row.split('|').map((cell) => cell.trim());
}

test('a row shows the median, the spread, and the median of the ratios within each round', () => {
  const [, name, cpu, spread, toNginx, toHttpProxy] = rowOf(resultTable(results()), 'cutover');
  expect([name, cpu, spread, toNginx, toHttpProxy]).toEqual(['cutover 1', '18.00', '15.00–36.00', '1.50', '0.50']);
});

test('requests that failed in any round are shown', () => {
  expect(rowOf(resultTable(results()), 'cutover').at(-3)).toBe('3');
});

test('without a yardstick there is no ratio to it, and the page says who was missing', () => {
  const contenders = results().contenders.filter(({ name }) => name !== 'nginx');
  const page = resultTable(results({ contenders, missing: [{ name: 'nginx', reason: 'not installed' }] }));
  expect(rowOf(page, 'cutover')[4]).toBe('');
  expect(page).toContain('nginx did not take part: not installed.');
});
