/** A ramp as people run one: 20,000 users over HTTP, two workers, and the whole proxy restarted in the middle. */
import { expect, test } from 'vitest';

import { startClient } from '../helpers/start-client.ts';
import type { HttpClient } from '../helpers/http-client.ts';
import { startWorld } from './fault-world.ts';

const USERS = 20_000;
const CONNECTIONS = 8;
/** Requests that are on the way at once on one connection. */
const PIPELINED = 50;

const GROUP = USERS / CONNECTIONS;

test('nobody moves back on the way from 1 to 100 %, through a restart, and each step has its share of the users', async () => {
  const affinity = { key: ['cookie:uid'] };
  const world = await startRamp(affinity);
  let proxy = world.proxy;
  let canary: ReadonlySet<number> = new Set();
  const shares: string[] = [];
  for (const [step, percent] of [1, 5, 20, 50, 100].entries()) {
    await world.admin.split('app', { blue: 100 - percent, green: percent });
    const next = await usersOnGreen(world.port);
    expect([...canary].filter((user) => !next.has(user))).toEqual([]);
    const expected = (USERS * percent) / 100;
    expect(Math.abs(next.size - expected)).toBeLessThanOrEqual(3 * Math.sqrt(expected * (1 - percent / 100)));
    shares.push(`${percent} %: ${next.size}`);
    canary = next;
    if (step !== 2) continue;
    proxy.signal('SIGTERM');
    expect((await proxy.exited).code).toBe(0);
    proxy = world.start();
    await proxy.ready();
    // To the last user: not only is nobody lost to the canary, nobody has joined it either.
    expect(await usersOnGreen(world.port)).toEqual(canary);
  }
  expect(canary.size).toBe(USERS);
  const own = world.blue.requests.length + world.green.requests.length;
  expect(own).toBe(USERS * 6);
  console.log(`of ${USERS} users on the canary: ${shares.join(', ')}`);
}, 120_000);

test('an instance that was never there gives everybody the pool that they have', async () => {
  const affinity = { key: ['cookie:uid'] };
  const ramped = await startRamp(affinity);
  for (const green of [1, 5, 20]) await ramped.admin.split('app', { blue: 100 - green, green });
  const services = { app: { ...ramped.config.services?.['app'], pools: ramped.config.services?.['app']?.pools ?? {} } };
  const fresh = await startWorld({ services: { app: { ...services.app, affinity, split: { blue: 80, green: 20 } } } });
  expect(await usersOnGreen(fresh.port)).toEqual(await usersOnGreen(ramped.port));
}, 120_000);

async function startRamp(affinity: { readonly key: string[] }): Promise<Awaited<ReturnType<typeof startWorld>>> {
  const world = await startWorld();
  await world.admin.must('PATCH', '/v1/services/app', { affinity });
  return world;
}

/** Each user asks once, spread over the connections and by them over the workers. */
async function usersOnGreen(port: number): Promise<Set<number>> {
  const clients = await Promise.all(Array.from({ length: CONNECTIONS }, () => startClient(port)));
  const found = await Promise.all(clients.map((client, group) => greenOf(client, group * GROUP)));
  for (const client of clients) client.close();
  return new Set(found.flat());
}

async function greenOf(client: HttpClient, from: number): Promise<number[]> {
  const green: number[] = [];
  for (let first = from; first < from + GROUP; first += PIPELINED) {
    const users = Array.from({ length: PIPELINED }, (_, index) => first + index);
    const answers = await Promise.all(
      users.map((user) => client.request({ fields: [['Cookie', `theme=dark; uid=user-${user}`]] })),
    );
    for (const [index, answer] of answers.entries()) {
      expect(answer.status).toBe(200);
      if (answer.field('x-version') === 'green') green.push(users[index] ?? -1);
    }
  }
  return green;
}
