/** Clients of HTTP/2 before two workers, while these are replaced and the program ends: what was taken is answered. */
import { expect, test } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { BrokenStream, Session } from '../helpers/start-session.ts';
import { type FaultWorld, IS_LONG, makeWorld } from './fault-world.ts';
import type { ProxyProcess } from './proxy-process.ts';

const CLIENTS = 4;
const STREAMS = 4;
/** REFUSED_STREAM: it was not taken, and a client may send it again, whatever it is (RFC 9113 section 8.7). */
const NOT_TAKEN = 7;

/** Clients that open another session where one has ended, and send again what was not taken. */
class SessionLoad {
  answered = 0;
  readonly failures: unknown[] = [];
  readonly #port: number;
  readonly #clients: Promise<void>[];
  #isOver = false;

  constructor(port: number) {
    this.#port = port;
    this.#clients = Array.from({ length: CLIENTS }, () => this.#client());
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#clients);
  }

  async #client(): Promise<void> {
    while (!this.#isOver) {
      const session = new Session(`http://127.0.0.1:${this.#port}`);
      await Promise.all(Array.from({ length: STREAMS }, () => this.#stream(session)));
      session.close();
    }
  }

  async #stream(session: Session): Promise<void> {
    while (!this.#isOver && !session.session.closed && !session.session.destroyed) {
      await session.request({ path: '/slow?ms=60' }).then(
        ({ status }) => (status === 200 ? (this.answered += 1) : this.failures.push(status)),
        (error: unknown) => mayBeSentAgain(error, session) || this.failures.push(error),
      );
    }
  }
}

function mayBeSentAgain(error: unknown, { goaways }: Session): boolean {
  // Of node:http2 itself: it begins nothing on a session that ends.
  return error instanceof BrokenStream ? error.code === NOT_TAKEN : goaways.length > 0;
}

async function startHttp2World(): Promise<FaultWorld & { readonly proxy: ProxyProcess }> {
  const world = await makeWorld({ shutdown: { announce: '500ms', drainTimeout: '20s' } });
  const { web } = world.config.listeners;
  if (web === undefined) throw new Error('the world has a listener');
  world.write({ ...world.config, listeners: { web: { ...web, http2: true } } });
  const proxy = world.start();
  await proxy.ready();
  return { ...world, proxy };
}

test('cutovers, new workers, an upgrade and the end cost no request that was taken', async () => {
  const world = await startHttp2World();
  const load = new SessionLoad(world.port);
  const more = async () => {
    const before = load.answered;
    await eventually(() => expect(load.answered).toBeGreaterThan(before + 50), 20_000);
  };
  for (let flip = 1; flip <= (IS_LONG ? 50 : 5); flip++) {
    await world.admin.cutover('app', flip % 2 === 1 ? 'green' : 'blue');
    await more();
  }
  await world.admin.must('POST', '/v1/workers/restart');
  await more();
  const next = world.start({ command: 'upgrade' });
  await next.ready();
  expect(await world.proxy.exited).toEqual({ code: 0, signal: null });
  await more();
  await load.stop();
  const last = new Session(`http://127.0.0.1:${world.port}`);
  const slow = last.request({ path: '/slow?ms=1500' });
  await eventually(async () => expect(await world.admin.metric('cutover_requests_in_flight')).toBe(1));
  next.signal('SIGTERM');
  expect((await slow).status).toBe(200);
  await last.ended;
  expect(await next.exited).toEqual({ code: 0, signal: null });
  expect(load.failures).toEqual([]);
  const arrived = [...world.blue.requests, ...world.green.requests];
  expect(arrived.filter(({ outcome }) => outcome !== 'answered')).toEqual([]);
});
