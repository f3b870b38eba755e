/** Functions of the configuration are asked to explain a request as they are for a real one; what they do is shown. */
import { expect, test } from 'vitest';

import type { AlgorithmTarget, RequestView } from '../../src/index.ts';
import type { Explanation } from '../../src/schema/explain.ts';
import { startBackend } from '../helpers/start-backend.ts';
import { ask } from '../helpers/start-client.ts';
import { startProxy, type TestProxy } from '../helpers/start-proxy.ts';

async function explain({ admin }: TestProxy, headers: Record<string, string> = {}): Promise<Explanation> {
  const request = { url: 'http://localhost/a?b=1', headers };
  return (await admin.must('POST', '/v1/explain', { request })).json as Explanation;
}

async function startWorld(service: object) {
  const backends = [await startBackend('one'), await startBackend('two')] as const;
  const [blue, green] = [{ url: backends[0].url }, { url: backends[1].url }];
  const pools = { both: { targets: [blue, green] }, blue: { targets: [blue] }, green: { targets: [green] } };
  const proxy = await startProxy({ services: { app: { split: { both: 100 }, ...service, pools } } });
  return { proxy, targets: backends.map(({ target }) => target) };
}

const isTester = (request: RequestView): boolean => {
  if (request.header('x-broken') !== null) throw new Error('cannot tell');
  return request.header('x-tester') === 'yes';
};
const RULES = [
  { name: 'path', when: { path: '/elsewhere', function: isTester }, pool: 'blue' },
  { name: 'testers', when: isTester, pool: 'green' },
  { name: 'rest', when: { any: [{ path: { prefix: '/' } }, isTester] }, pool: 'blue' },
];

test('a condition is asked, and what it throws is told', async () => {
  const { proxy, targets } = await startWorld({ rules: RULES });
  const outcomes = ({ rules }: Explanation) => rules.map(({ outcome }) => outcome);

  const tester = await explain(proxy, { 'x-tester': 'yes' });
  expect([outcomes(tester), tester.choice?.target]).toEqual([['fails', 'matches', 'not-asked'], targets[1]]);
  const other = await explain(proxy);
  expect([outcomes(other), other.choice?.target]).toEqual([['fails', 'fails', 'matches'], targets[0]]);
  expect(other.rules[1]?.why).toMatch(/^\/function does not hold: wanted is that .*#.* says so$/);

  const broken = await explain(proxy, { 'x-broken': '1' });
  expect(broken).toMatchObject({ pool: null, refusal: { code: 'user_code_failed', status: 500 } });
  expect(broken.rules[1]).toMatchObject({ outcome: 'throws', why: expect.stringContaining('cannot tell') });
  expect((await ask(proxy.port, { path: '/a', fields: [['X-Broken', '1']] })).status).toBe(500);
});

test('an algorithm is asked with the request, and the one in use does not notice', async () => {
  let made = 0;
  const byHeader = () => {
    made++;
    let turn = 0;
    return {
      pick(those: readonly AlgorithmTarget[], request: RequestView) {
        if (request.header('x-broken') !== null) throw new Error('cannot choose');
        return (those.find(({ id }) => id === request.header('x-to')) ??
          those[turn++ % those.length]) as AlgorithmTarget;
      },
    };
  };
  const { proxy, targets } = await startWorld({ algorithm: { function: byHeader } });
  const [one = '', two = ''] = targets;
  expect((await explain(proxy, { 'x-to': two })).choice).toMatchObject({
    target: two,
    by: 'algorithm',
    algorithm: expect.stringContaining('#'),
    why: expect.stringContaining('made anew for this question'),
  });
  const answeredBy = async (to: string) =>
    (await ask(proxy.port, { path: '/a', fields: [['X-To', to]] })).field('x-version');
  expect([await answeredBy(two), await answeredBy('')]).toEqual(['two', 'one']);
  // The one in use is in the middle of its turns, and stays there.
  expect((await explain(proxy)).choice?.target).toBe(one);
  expect(await answeredBy('')).toBe('two');
  expect(made).toBe(3);
  const broken = await explain(proxy, { 'x-broken': '1' });
  expect(broken).toMatchObject({ choice: null, refusal: { code: 'user_code_failed' } });
  expect(broken.refusal?.why).toContain('cannot choose');
  expect(broken.targets.map(({ isEligible }) => isEligible)).toEqual([true, true]);
});

test('filters are named and not run', async () => {
  let runs = 0;
  const count = (): void => void runs++;
  const { proxy } = await startWorld({ filters: [{ onRequest: count, onResponse: count }] });
  const told = await explain(proxy);
  expect(told.service?.filters).toHaveLength(2);
  expect([told.choice?.by, runs]).toEqual(['algorithm', 0]);
});
