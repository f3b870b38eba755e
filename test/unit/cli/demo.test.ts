import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type DemoProxy, demoCommand } from '../../../src/cli/demo.ts';
import type { ConfigDocument } from '../../../src/schema/config.ts';
import { eventually } from '../../helpers/eventually.ts';

interface RunningDemo {
  readonly out: string[];
  readonly err: string[];
  /** What the proxy was told to serve. */
  readonly configs: ConfigDocument[];
  readonly exitCode: Promise<number>;
  end(): void;
}

function startDemo(portBase: number | string, proxy: Partial<DemoProxy> = {}): RunningDemo {
  const out: string[] = [];
  const err: string[] = [];
  const configs: ConfigDocument[] = [];
  const ending = new AbortController();
  const exitCode = demoCommand({
    out: (line) => out.push(line),
    err: (line) => err.push(line),
    env: { CUTOVER_DEMO_PORT_BASE: String(portBase) },
    startProxy: (config) => {
      configs.push(config);
      return Promise.resolve({ close: () => Promise.resolve(), ...proxy });
    },
    signal: ending.signal,
  });
  onTestFinished(async () => {
    ending.abort();
    await exitCode;
  });
  return { out, err, configs, exitCode, end: () => ending.abort() };
}

/** Below the ports that systems give to outgoing connections, which come and go at any moment. */
const PORT_MIN = 12_000;
const PORT_MAX = 30_000;

/** The first of four neighbouring ports that are free at this moment. */
async function fourFreePorts(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const base = PORT_MIN + Math.floor(Math.random() * (PORT_MAX - PORT_MIN));
    const servers = await Promise.allSettled([base, base + 1, base + 2, base + 3].map(listen));
    const opened = servers.flatMap((server) => (server.status === 'fulfilled' ? [server.value] : []));
    await Promise.all(opened.map(close));
    if (opened.length === servers.length) return base;
  }
  throw new Error('no four neighbouring ports are free');
}

async function listen(port: number) {
  const server = createServer().listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function close(server: ReturnType<typeof createServer>): Promise<void> {
  server.close();
  await once(server, 'close');
}

async function textAt(url: string): Promise<string> {
  return (await fetch(url)).text();
}

test('both applications answer, the proxy is told where they are, and three lines say what to try', async () => {
  const base = await fourFreePorts();
  const demo = startDemo(base);
  await eventually(() => expect(demo.out.at(-1)).toBe('Ctrl-C ends all of it.'));
  expect(await textAt(`http://127.0.0.1:${base + 2}/`)).toBe('Hello from blue 1.4.0\n');
  expect(await textAt(`http://127.0.0.1:${base + 3}/`)).toBe('Hello from green 1.5.0\n');
  expect(demo.configs).toMatchObject([
    {
      listeners: { web: { listen: `127.0.0.1:${base}` } },
      admin: { listen: `127.0.0.1:${base + 1}` },
      services: {
        demo: {
          pools: {
            blue: { version: '1.4.0', targets: [{ url: `http://127.0.0.1:${base + 2}` }] },
            green: { version: '1.5.0', targets: [{ url: `http://127.0.0.1:${base + 3}` }] },
          },
          split: { blue: 100 },
        },
      },
    },
  ]);
  const curls = demo.out.filter((line) => line.startsWith('  curl '));
  expect(curls).toEqual([
    `  curl http://127.0.0.1:${base}`,
    expect.stringContaining(`'{"to":"green"}' http://127.0.0.1:${base + 1}/v1/services/demo/cutovers`),
    `  curl http://127.0.0.1:${base}`,
  ]);
});

test('at the end the proxy is closed while the applications still serve, then they are gone', async () => {
  const base = await fourFreePorts();
  const servedAtClose: string[] = [];
  const demo = startDemo(base, {
    close: async () => void servedAtClose.push(await textAt(`http://127.0.0.1:${base + 2}/healthz`)),
  });
  await eventually(() => expect(demo.out.at(-1)).toBe('Ctrl-C ends all of it.'));
  demo.end();
  expect(await demo.exitCode).toBe(0);
  expect(servedAtClose).toEqual(['ok\n']);
  for (const port of [base + 2, base + 3]) await close(await listen(port));
});

test('every taken port is named with what it was for, and how to move', async () => {
  const base = await fourFreePorts();
  const others = [await listen(base), await listen(base + 3)];
  onTestFinished(async () => void (await Promise.all(others.map(close))));
  const demo = startDemo(base);
  expect(await demo.exitCode).toBe(1);
  expect(demo.err).toEqual([
    `127.0.0.1:${base}, where the demo wants its proxy, cannot be used: another program listens there`,
    `127.0.0.1:${base + 3}, where the demo wants its application green, cannot be used: another program listens there`,
    expect.stringContaining('CUTOVER_DEMO_PORT_BASE=18080 npm start'),
  ]);
  expect(demo.configs).toEqual([]);
});

test.for(['80', '65533', 'many', '3000.5'])('a port base of %s is refused', async (portBase) => {
  const demo = startDemo(portBase);
  expect(await demo.exitCode).toBe(1);
  expect(demo.err).toEqual([expect.stringContaining('from 1024 to 65532')]);
});

test('a proxy that cannot start ends the applications and says why', async () => {
  const base = await fourFreePorts();
  const err: string[] = [];
  const exitCode = await demoCommand({
    out: () => {},
    err: (line) => err.push(line),
    env: { CUTOVER_DEMO_PORT_BASE: String(base) },
    startProxy: () => Promise.reject(new Error('the store is locked')),
    signal: new AbortController().signal,
  });
  expect(exitCode).toBe(1);
  expect(err).toEqual(['the store is locked']);
  for (const port of [base + 2, base + 3]) await close(await listen(port));
});
