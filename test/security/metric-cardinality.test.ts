/**
 * A client that sends what it likes must not be able to fill the memory of whoever stores the metrics: no method, path,
 * host, field or status of its choice makes a new series (the class of CVE-2022-21698).
 */
import { expect, test } from 'vitest';
import { rawExchange } from '../helpers/raw-client.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { appService, startProxy, type TestProxy } from '../helpers/start-proxy.ts';

test('nothing a client sends makes a new series', async () => {
  const backend = await startBackend('v1');
  const proxy = await startProxy({ services: appService({ only: backend }) });
  await sayOneOfEach(proxy, 'first');
  const before = await seriesOf(proxy);
  for (const round of ['second', 'third', 'fourth']) await sayOneOfEach(proxy, round);
  expect(await seriesOf(proxy)).toEqual(before);
});

test('methods that have no series of their own share one', async () => {
  const backend = await startBackend('v1');
  const proxy = await startProxy({ services: appService({ only: backend }) });
  for (const method of ['PROPFIND', 'MKCOL', 'REPORT', 'LOCK']) await ask(proxy.port, { method });
  const methods = (await proxy.admin.metrics('cutover_requests_total')).map(
    ([series]) => /method="([^"]*)"/.exec(series)?.[1],
  );
  expect(new Set(methods)).toEqual(new Set(['other']));
  expect(await proxy.admin.metric('cutover_requests_total', { method: 'other' })).toBe(4);
});

/** One request of each kind, in words that only `round` uses. */
async function sayOneOfEach({ port }: TestProxy, round: string): Promise<void> {
  await ask(port, {
    path: `/${round}?${round}`,
    host: `${round}.test`,
    fields: [
      [`X-${round}`, round],
      ['User-Agent', round],
    ],
  });
  await ask(port, { path: `/status?code=404&${round}` });
  for (const bytes of [
    `${round.toUpperCase()} / HTTP/1.1\r\nHost: a\r\n\r\n`,
    `GET / HTTP/1.1\r\n${round}\r\n\r\n`,
    `${round}\r\n\r\n`,
  ]) {
    await rawExchange({ port, bytes: Buffer.from(bytes), quietMs: 50 });
  }
}

async function seriesOf(proxy: TestProxy): Promise<string[]> {
  const { text } = await proxy.admin.must('GET', '/metrics');
  const series = text.split('\n').filter((line) => line.startsWith('cutover_'));
  return series.map((line) => line.slice(0, line.lastIndexOf(' '))).toSorted();
}
