import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';

import { WATCHERS_MAX } from '../../src/control/admin/routes/events.ts';
import { type AdminWorld, startAdmin } from '../helpers/start-admin.ts';

interface Event {
  readonly id: string;
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** Watches the events; `until` gives those read until there are so many. */
async function watch({ admin }: AdminWorld, lastEventId?: string) {
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const headers: Record<string, string> = lastEventId === undefined ? {} : { 'last-event-id': lastEventId };
  const response = await fetch(`${admin.url}/v1/events`, { headers, signal: ended.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const until = async (count: number): Promise<Event[]> => {
    while (eventsOf(text).length < count) {
      const chunk = await reader?.read();
      if (chunk?.done !== false) break;
      text += chunk.value;
    }
    return eventsOf(text);
  };
  return { response, until, close: () => ended.abort() };
}

function eventsOf(text: string): Event[] {
  const blocks = text.split('\n\n').slice(0, -1);
  return blocks.flatMap((block) => {
    const fields = Object.fromEntries(
      block.split('\n').map((line) => [line.split(': ', 1)[0], line.replace(/^\w+: /, '')]),
    );
    if (fields['event'] === undefined) return [];
    return [{ id: fields['id'] ?? '', type: fields['event'], data: JSON.parse(fields['data'] ?? '{}') }];
  });
}

describe('GET /v1/events', () => {
  it('tells of generations, receipts, drains and health as they change', async () => {
    const world = await startAdmin();
    const { response, until } = await watch(world);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
    expect(response.headers.get('x-request-id')).not.toBeNull();
    world.dataPlane.setInFlight('shop', 'blue', 1);
    const { json } = await world.call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    world.control.healthChanged([{ service: 'shop', pool: 'green', target: '127.0.0.1:3002', up: false }]);
    world.dataPlane.finish(json.id, 1);
    await world.call('GET', `/v1/services/shop/cutovers/${json.id}`);
    const events = await until(4);
    expect(events.map(({ type }) => type)).toEqual(['generation', 'receipt', 'health', 'drain']);
    expect(events[0]?.data).toMatchObject({ generation: 2, kind: 'cutover', services: ['shop'] });
    expect(events[1]?.data).toMatchObject({ id: json.id, to: { green: 100 } });
    expect(events[2]?.data).toMatchObject({ target: '127.0.0.1:3002', up: false });
    expect(events[3]?.data).toMatchObject({ id: json.id, drain: { state: 'drained', completed: 1 } });
  });

  it('goes on after the event that a client has seen last', async () => {
    const world = await startAdmin();
    const first = await watch(world);
    await world.call('POST', '/v1/services/shop/cutovers', { body: { to: 'green' } });
    const seen = await first.until(2);
    first.close();
    await world.call('POST', '/v1/services/shop/rollback');
    const second = await watch(world, seen[1]?.id);
    const missed = await second.until(2);
    expect(missed.map(({ type }) => type)).toEqual(['generation', 'receipt']);
    expect(missed[0]?.data).toMatchObject({ generation: 3, kind: 'rollback' });
  });

  it('says that there is a gap to an event which it does not know', async () => {
    const world = await startAdmin();
    const { until } = await watch(world, 'long.ago');
    expect((await until(1))[0]?.type).toBe('gap');
  });

  it('is refused (503) beyond its limit, and given again when one has left', async () => {
    const world = await startAdmin();
    const watchers = [];
    for (let n = 0; n < WATCHERS_MAX; n++) watchers.push(await watch(world));
    const refused = await world.call('GET', '/v1/events');
    expect([refused.status, refused.json.type]).toEqual([503, 'urn:cutover:problem:too-many-watchers']);
    expect(refused.headers.get('retry-after')).toBe('1');
    watchers[0]?.close();
    await expect.poll(async () => (await watch(world)).response.status).toBe(200);
  });

  it('ends with the API', async () => {
    const world = await startAdmin();
    const { until } = await watch(world);
    await world.admin.close();
    // Where it is only cut off, once the API waits for nobody any more, this is an error.
    expect(await until(1)).toEqual([]);
  });

  it('cuts off a client that does not read', async () => {
    const world = await startAdmin();
    const { hostname, port } = new URL(world.admin.url);
    const socket = connect(Number(port), hostname);
    onTestFinished(() => void socket.destroy());
    socket.pause();
    socket.write(`GET /v1/events HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
    const isClosed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => {});
    const target = 'x'.repeat(64 * 1024);
    // Far more than the buffers of two sockets and the limit of the API together.
    for (let n = 0; n < 400; n++) {
      world.control.healthChanged([{ service: 'shop', pool: 'green', target, up: false }]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    socket.resume();
    await isClosed;
  });
});
