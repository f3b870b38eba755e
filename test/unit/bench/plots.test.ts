import { expect, test } from 'vitest';
import { SHARES } from '../../../bench/loads/steady-load.ts';
import { plotsOf } from '../../../bench/report/plots.ts';
import type { EntrantResult, Results } from '../../../bench/results.ts';
import { entrant, loadResults, results } from './results-fixture.ts';

const LATENCIES = [{ latenciesMs: SHARES.map((share) => 1 / (1 - share)), failed: 0 }];

function withLatencies(...entrants: readonly EntrantResult[]): Results {
  return results([{ ...loadResults('small-64', entrants), rate: 5_000 }]);
}

function svgOf(found: Results, file: string): string {
  return plotsOf(found).find((plot) => plot.file === file)?.svg ?? '';
}

function widths(svg: string): number[] {
  return [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
}

test('a bar is as long as the processor time next to that of nginx', () => {
  const [ours = 0, nginxs = 0] = widths(
    svgOf(results([loadResults('small-64', [entrant('cutover', [30]), entrant('nginx', [20])])]), 'cpu.svg'),
  );
  expect(ours / nginxs).toBeCloseTo(1.5, 2);
});

test('a bar that would be too long is cut, and its number says how long it would be', () => {
  const svg = svgOf(results([loadResults('small-64', [entrant('nginx', [10]), entrant('caddy', [90])])]), 'cpu.svg');
  const [nginxs = 0, caddys = 0] = widths(svg);
  expect(caddys / nginxs).toBeCloseTo(4, 2);
  expect(svg).toContain('>9.00 →<');
});

test('without nginx there is nothing to compare with, and no picture', () => {
  expect(plotsOf(results([loadResults('small-64', [entrant('cutover', [30])])]))).toEqual([]);
});

test('latencies at a fixed rate are a curve for each contender, with its name', () => {
  const names = ['cutover', 'nginx', '@fastify/http-proxy'];
  const svg = svgOf(
    withLatencies(...names.map((name) => entrant(name, [10], { latencies: LATENCIES }))),
    'latency-small-64.svg',
  );
  for (const name of names) expect(svg).toContain(`>${name}</text>`);
  const curves = [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points = '']) => points.split(' ').length);
  expect(curves.filter((points) => points === SHARES.length)).toHaveLength(names.length);
});

test('names at the ends of curves that lie together do not cover each other', () => {
  const svg = svgOf(
    withLatencies(...['a', 'b', 'c'].map((name) => entrant(name, [10], { latencies: LATENCIES }))),
    'latency-small-64.svg',
  );
  const heights = heightsOf(svg, ['a', 'b', 'c']);
  const [one = 0, two = 0, three = 0] = heights.toSorted((a, b) => a - b);
  expect([two - one, three - two].every((gap) => gap >= 12)).toBe(true);
});

test('names of many curves that end at the top stay within the picture', () => {
  const names = Array.from({ length: 8 }, (_, index) => `proxy-${index}`);
  const svg = svgOf(
    withLatencies(
      ...names.map((name) => entrant(name, [10], { latencies: LATENCIES })),
      entrant('low', [10], { latencies: [{ latenciesMs: SHARES.map(() => 1), failed: 0 }] }),
    ),
    'latency-small-64.svg',
  );
  const heights = heightsOf(svg, names);
  expect(Math.min(...heights)).toBeGreaterThan(20);
  expect(new Set(heights).size).toBe(names.length);
});

test('whoever failed all of the requests has no curve, and spoils nobody’s', () => {
  const failed = entrant('caddy', [10], { latencies: [{ latenciesMs: [], failed: 5_000 }] });
  const svg = svgOf(withLatencies(failed, entrant('nginx', [10], { latencies: LATENCIES })), 'latency-small-64.svg');
  expect(svg).toContain('>nginx<');
  expect(svg).not.toMatch(/caddy|NaN/);
});

test('the same results give the same bytes', () => {
  const found = withLatencies(entrant('cutover', [10], { latencies: LATENCIES }), entrant('nginx', [9.99]));
  expect(plotsOf(structuredClone(found))).toEqual(plotsOf(found));
});

test('titles that have a meaning in XML are written so that they have none', () => {
  const load = { ...loadResults('small-64', [entrant('nginx', [1])]), title: 'a < b & "c"' };
  expect(svgOf(results([load]), 'cpu.svg')).toContain('a &lt; b &amp; &quot;c&quot;');
});

/** Where the names of curves are written. */
function heightsOf(svg: string, names: readonly string[]): number[] {
  return names.map((name) => Number(new RegExp(`y="([\\d.]+)"[^>]*>${name}<`).exec(svg)?.[1]));
}
