import { expect, test } from 'vitest';
import { resultPage } from '../../../bench/report/page.ts';
import { entrant, loadResults, results, samples } from './results-fixture.ts';

const USUAL = [
  entrant('cutover', [18, 36, 15]),
  entrant('nginx', [12, 24, 12]),
  entrant('http-proxy', [36, 36, 36]),
] as const;

function rowOf(page: string, start: string): string[] {
  const row = page.split('\n').find((line) => line.startsWith(`| ${start}`)) ?? '';
  return row.split('|').map((cell) => cell.trim());
}

test('a row shows median, user and system time, spread, and the median of the ratios within each round', () => {
  const row = rowOf(resultPage(results([loadResults('small-64', USUAL)]), []), 'cutover 1');
  expect(row.slice(1, 8)).toEqual(['cutover 1', '18.00', '4.50', '13.50', '15.00–36.00', '1.50', '0.50']);
});

test('requests that failed in any round are shown, and said aloud', () => {
  const failing = entrant('caddy', [], { samples: samples([40, 40], { failed: 2 }) });
  const page = resultPage(results([loadResults('small-64', [...USUAL, failing])]), []);
  expect(rowOf(page, 'caddy').at(-3)).toBe('4');
  expect(page).toContain('**Requests failed: caddy 4.');
  expect(resultPage(results([loadResults('small-64', USUAL)]), [])).not.toContain('failed:');
});

test('requests that failed at the fixed rate are said aloud, too', () => {
  const late = entrant('caddy', [40], { latencies: [{ latenciesMs: [1, 1, 1, 1, 1, 1, 1], failed: 7 }] });
  const page = resultPage(results([loadResults('small-64', [late])]), []);
  expect(page).toContain('**At the fixed rate without a good answer in time: caddy 7.**');
  expect(page).not.toContain('Requests failed');
});

test('without a yardstick there is no ratio to it, and the page says who was missing', () => {
  const entrants = USUAL.filter(({ contender }) => contender !== 'nginx');
  const missing = [{ name: 'nginx', reason: 'not installed', isFailure: false }];
  const page = resultPage(results([loadResults('small-64', entrants)], { missing }), []);
  expect(rowOf(page, 'cutover')[6]).toBe('');
  expect(page).toContain('nginx took no part: not installed.');
});

test('the overview has each contender in each scenario, or a dash', () => {
  const page = resultPage(
    results([loadResults('small-64', USUAL), loadResults('h2', [entrant('nginx', [14]), entrant('caddy', [90])])]),
    [],
  );
  expect(rowOf(page, 'CPU µs/request').slice(1, -1)).toEqual([
    'CPU µs/request',
    'cutover',
    'nginx',
    'http-proxy',
    'caddy',
  ]);
  expect(rowOf(page, 'h2').slice(1, -1)).toEqual(['h2', '—', '14.0', '—', '90.0']);
});

test('contenders in several settings have a row for each, and are compared with others in the same one', () => {
  const few = { label: '10 services' };
  const many = { label: '10,000 services' };
  const entrants = [
    entrant('cutover', [20], few),
    entrant('cutover', [30], many),
    entrant('nginx', [10], few),
    entrant('nginx', [20], many),
  ];
  const page = resultPage(results([loadResults('services', entrants)]), []);
  expect(rowOf(page, 'cutover 1, 10,000 services')[6]).toBe('1.50');
  expect(rowOf(page, 'services, 10,000 services').slice(2, 4)).toEqual(['30.0', '20.0']);
});

test('what was not measured is said, with the reason', () => {
  const skipped = {
    kind: 'skipped',
    name: 'h2',
    title: 'by HTTP/2',
    reason: 'h2load is not installed',
    isFailure: false,
  } as const;
  expect(resultPage(results([skipped]), [])).toContain('Not measured: h2load is not installed.');
});

test('those who did not take part for the same reason share a line', () => {
  const absent = ['relay', 'caddy', 'broken'].map((name) => ({
    name,
    reason: name === 'broken' ? 'it ended' : 'no tcp here',
    isFailure: name === 'broken',
  }));
  const page = resultPage(results([{ ...loadResults('tcp', USUAL), absent }]), []);
  expect(page).toContain('relay, caddy did not take part: no tcp here.');
  expect(page).toContain('broken did not take part: it ended.');
});
