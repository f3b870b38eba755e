/** A ramp as people run one: 20,000 users over HTTP, two workers, and the whole proxy restarted in the middle. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';

import type { ServiceDocument } from '../../src/schema/service.ts';
import { startPlainTarget } from '../helpers/plain-target.ts';
import { startWorld } from './fault-world.ts';

const USERS = 20_000;
const CONNECTIONS = 8;
/** Users of one connection. */
const GROUP = USERS / CONNECTIONS;
/** Requests that are on the way at once on one connection. */
const PIPELINED = 100;

test('nobody moves back on the way from 1 to 100 %, through a restart, and each step has its share of the users', async () => {
  const world = await startWorld({ shutdown: { announce: '0s' }, services: { app: await rampedService() } });
  let proxy = world.proxy;
  let canary: ReadonlySet<number> = new Set();
  const shares: string[] = [];
  for (const percent of [1, 5, 20, 50, 100]) {
    await world.admin.split('app', { blue: 100 - percent, green: percent });
    const next = await usersOnGreen(world.port);
    expect([...canary].filter((user) => !next.has(user))).toEqual([]);
    const expected = (USERS * percent) / 100;
    expect(Math.abs(next.size - expected)).toBeLessThanOrEqual(3 * Math.sqrt(expected * (1 - percent / 100)));
    shares.push(`${percent} %: ${next.size}`);
    canary = next;
    if (percent !== 20) continue;
    proxy.signal('SIGTERM');
    expect((await proxy.exited).code).toBe(0);
    proxy = world.start();
    await proxy.ready();
    // Nobody is lost to the canary, and nobody has joined it either.
    expect(await usersOnGreen(world.port)).toEqual(canary);
  }
  expect(canary.size).toBe(USERS);
  expect(await world.admin.metric('cutover_ledger_imbalance')).toBe(0);
  console.log(`of ${USERS} users on the canary: ${shares.join(', ')}`);
});

test('an instance that was never there gives everybody the pool that they have', async () => {
  const app = await rampedService();
  const ramped = await startWorld({ services: { app } });
  for (const green of [1, 5, 20]) await ramped.admin.split('app', { blue: 100 - green, green });
  const fresh = await startWorld({ services: { app: { ...app, split: { blue: 80, green: 20 } } } });
  expect(await usersOnGreen(fresh.port)).toEqual(await usersOnGreen(ramped.port));
});

/** All of the traffic to `blue` at first; each target says who it is and whom it was asked by. */
async function rampedService(): Promise<ServiceDocument> {
  const [blue, green] = [await startTarget('blue'), await startTarget('green')];
  const pools = { blue: { targets: [{ url: blue }] }, green: { targets: [{ url: green }] } };
  return { pools, split: { blue: 100 }, affinity: { key: ['cookie:uid'] } };
}

async function startTarget(name: string): Promise<string> {
  const target = await startPlainTarget((socket, bytes) => {
    const user = /uid=user-(\d+)/.exec(bytes.toString('latin1'))?.[1] ?? '';
    const body = `${name}<${user}>`;
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
  return target.url;
}

/** Each user asks once, spread over the connections and by them over the workers. */
async function usersOnGreen(port: number): Promise<Set<number>> {
  const groups = Array.from({ length: CONNECTIONS }, (_, group) => greenOf(port, group * GROUP));
  return new Set((await Promise.all(groups)).flat());
}

async function greenOf(port: number, from: number): Promise<number[]> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  const green: number[] = [];
  for (let first = from; first < from + GROUP; first += PIPELINED) {
    const users = Array.from({ length: PIPELINED }, (_, index) => first + index);
    const fields = (user: number): string => `Host: app.test\r\nCookie: theme=dark; uid=user-${user}\r\n`;
    socket.write(users.map((user) => `GET / HTTP/1.1\r\n${fields(user)}\r\n`).join(''));
    const answers = await answersOn(socket);
    // Each to its own user, in the order in which they asked.
    if (answers.some(({ user }, index) => user !== users[index]))
      expect(answers.map(({ user }) => user)).toEqual(users);
    for (const { pool, user } of answers) if (pool === 'green') green.push(user);
  }
  socket.destroy();
  return green;
}

/** As many answers as requests are on the way. */
async function answersOn(socket: ReturnType<typeof connect>): Promise<{ pool: string; user: number }[]> {
  const answers: { pool: string; user: number }[] = [];
  let rest = '';
  while (answers.length < PIPELINED) {
    const [bytes] = (await once(socket, 'data')) as [Buffer];
    const text = rest + bytes.toString('latin1');
    const end = text.lastIndexOf('>') + 1;
    for (const [, pool = '', user] of text.slice(0, end).matchAll(/\r\n\r\n(blue|green)<(\d+)>/g)) {
      answers.push({ pool, user: Number(user) });
    }
    rest = text.slice(end);
  }
  return answers;
}
