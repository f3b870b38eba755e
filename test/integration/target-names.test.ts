/**
 * Where the names of targets may lead. Whoever may name a target, or answers for its name, must not reach through the
 * proxy what only the proxy's machine reaches: metadata services of clouds, and the proxy itself.
 */
import { type Server, createServer } from 'node:http';
import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';

import { TargetGuard } from '../../src/base/target-guard.ts';
import { createHttpProbe } from '../../src/control/health/http-probe.ts';
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';

/** A server on loopback that nobody should get to, and the names of the world as the test tells them. */
async function startWorld(address: string) {
  let asked = 0;
  const secret: Server = createServer((_request, response) => {
    asked += 1;
    response.end('credentials');
  });
  secret.listen(0, '127.0.0.1');
  onTestFinished(() => void secret.close());
  await once(secret, 'listening');
  const { port } = secret.address() as { port: number };
  const own = [{ host: '127.0.0.1', port }];
  const guardFor = (isOwn: boolean) =>
    new TargetGuard(isOwn ? own : [], (_name, _options, callback) => callback(null, [{ address, family: 4 }]));
  return { port, guardFor, asked: () => asked };
}

async function startProxyTo(url: string, targetGuard: TargetGuard): Promise<string> {
  const dataPlane = new ProxyDataPlane({ targetGuard });
  onTestFinished(async () => void (await dataPlane.close({ drainMs: 0 })));
  const service = serviceWithDefaults({ pools: { only: { targets: [{ url }] } } });
  const changed = [compileService('app', service, null, { stickySecret: 'only-of-this-test' })];
  await dataPlane.apply({ generation: 1, changed, removed: [] });
  const { port } = await dataPlane.listen(compileListener('web', listenerWithDefaults({ listen: '127.0.0.1:0' })));
  return `http://127.0.0.1:${port}/`;
}

const CHECK = {
  type: 'http' as const,
  method: 'GET' as const,
  headers: [],
  bodyContains: null,
  downIntervalMs: 2000,
  path: '/',
  intervalMs: 1_000,
  timeoutMs: 1_000,
  rise: 1,
  fall: 1,
  host: null,
  statuses: [],
};

describe('a target whose name leads to the proxy itself', () => {
  it('gets no request, and the client a 502', async () => {
    const { port, guardFor, asked } = await startWorld('127.0.0.1');
    const url = await startProxyTo(`http://rebound.internal:${port}`, guardFor(true));
    const answer = await fetch(url);
    expect([answer.status, asked()]).toEqual([502, 0]);
    expect(await answer.text()).not.toContain('127.0.0.1');
  });

  it('is not asked for its health', async () => {
    const { port, guardFor, asked } = await startWorld('127.0.0.1');
    const probe = createHttpProbe({ version: '0', targetGuard: guardFor(true) });
    const result = await probe({ host: 'rebound.internal', port, check: CHECK }, AbortSignal.timeout(5_000));
    expect([result, asked()]).toEqual(['address not allowed', 0]);
  });
});

describe('a target whose name leads to a metadata service', () => {
  it('gets no request, and the client a 502', async () => {
    const { guardFor } = await startWorld('169.254.169.254');
    const url = await startProxyTo('http://metadata.internal', guardFor(false));
    expect((await fetch(url)).status).toBe(502);
  });

  it('is not asked for its health', async () => {
    const { guardFor } = await startWorld('169.254.169.254');
    const probe = createHttpProbe({ version: '0', targetGuard: guardFor(false) });
    const request = { host: 'metadata.internal', port: 80, check: CHECK };
    expect(await probe(request, AbortSignal.timeout(5_000))).toBe('address not allowed');
  });
});

describe('a target whose name leads elsewhere', () => {
  it('gets requests and health checks', async () => {
    const { port, guardFor, asked } = await startWorld('127.0.0.1');
    const url = await startProxyTo(`http://app.internal:${port}`, guardFor(false));
    expect((await fetch(url)).status).toBe(200);
    const probe = createHttpProbe({ version: '0', targetGuard: guardFor(false) });
    const check = { ...CHECK, statuses: [{ from: 200, to: 299 }] };
    expect(await probe({ host: 'app.internal', port, check }, AbortSignal.timeout(5_000))).toBeNull();
    expect(asked()).toBe(2);
  });
});

describe('a target whose name has several addresses', () => {
  it('is read well at a later one, where the first takes no connection', async () => {
    const { port } = await startWorld('127.0.0.1');
    const guard = new TargetGuard([], (_name, _options, callback) =>
      callback(null, [
        { address: '127.0.0.2', family: 4 },
        { address: '127.0.0.1', family: 4 },
      ]),
    );
    const answer = await fetch(await startProxyTo(`http://app.internal:${port}`, guard));
    expect([answer.status, await answer.text()]).toEqual([200, 'credentials']);
  });
});
