import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { SERVER_FRAME_BYTES, clientFrame, echoOf } from '../../../bench/loads/echo-frame.ts';
import { readReport } from '../../../bench/loads/h2load.ts';
import { SHARES, type SteadyResult, type SteadyTask } from '../../../bench/loads/steady-load.ts';

const LOADS = path.join(import.meta.dirname, '../../../bench/loads');

async function run(script: string, ...args: readonly string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, [path.join(LOADS, script), ...args]);
  return JSON.parse(stdout);
}

test('at a fixed rate each request counts once: answered well, or failed', async () => {
  let asked = 0;
  const server = createServer((_request, response) => {
    asked++;
    response.writeHead(asked % 10 === 0 ? 503 : 200, { 'content-length': 5 }).end('hello');
  }).listen(0, '127.0.0.1');
  onTestFinished(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const task: SteadyTask = { origin, path: '/', rate: 100, seconds: 1, connections: 4 };
  const { latenciesMs, failed } = (await run('steady-load.ts', JSON.stringify(task))) as SteadyResult;
  expect(asked).toBe(200); // those of the first second only warm up
  expect(failed).toBeGreaterThanOrEqual(5);
  expect(failed).toBeLessThanOrEqual(15);
  expect(latenciesMs).toHaveLength(SHARES.length);
  expect(latenciesMs).toEqual(latenciesMs.toSorted((a, b) => a - b));
});

test('WebSocket clients get back what they send from any server that speaks it', async () => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  onTestFinished(() => server.close());
  server.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  await once(server, 'listening');
  const port = String((server.address() as AddressInfo).port);
  const result = await run('websocket-load.ts', port, '2', '1');
  expect(result).toMatchObject({ failed: 0 });
  expect((result as { requests: number }).requests).toBeGreaterThan(0);
});

test('a frame comes back unmasked', () => {
  const frame = clientFrame();
  const echo = echoOf(frame);
  expect(echo).toHaveLength(SERVER_FRAME_BYTES);
  const unmasked = frame.subarray(6).map((byte, index) => byte ^ (frame[2 + (index % 4)] ?? 0));
  expect(echo.subarray(2)).toEqual(Buffer.from(unmasked));
});

const SAID = `Application protocol: h2
requests: 12 total, 14 started, 12 done, 10 succeeded, 2 failed, 0 errored, 0 timeout
status codes: 9 2xx, 1 3xx, 2 4xx, 0 5xx`;

test('of what h2load says, answers and failures are counted, and times read from its log', () => {
  const log = Array.from({ length: 100 }, (_, index) => `1795288558170184\t200\t${(index + 1) * 10}`).join('\n');
  const result = readReport(SAID, `${log}\n`, 3);
  expect(result).toEqual({ requests: 10, seconds: 3, p50Ms: 0.51, p99Ms: 1, failed: 2 });
});

test('h2load that did not get HTTP/2 has measured nothing', () => {
  expect(() => readReport(SAID.replace('h2', 'http/1.1'), '', 3)).toThrow('spoke http/1.1, not h2');
  expect(() => readReport('', '', 3)).toThrow('spoke with nobody');
});
