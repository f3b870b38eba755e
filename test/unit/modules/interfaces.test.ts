/** What a configuration with functions in it may say, as the compiler sees it: each line that is wrong must not compile. */
import { expect, test } from 'vitest';

import { type AlgorithmFactory, createProxy, defineConfig, type RequestFilter, respond } from '../../../src/index.ts';

const listeners = { web: { listen: '127.0.0.1:0' } };
const pools = { main: { targets: [{ url: 'http://127.0.0.1:3000' }] } };

test('defineConfig gives what it is given', () => {
  const config = defineConfig({
    listeners,
    services: {
      app: {
        pools,
        algorithm: { function: () => ({ pick: (targets) => targets[0] ?? fail() }) },
        filters: [
          { onRequest: (request) => (request.path === '/' ? respond(404) : undefined) },
          { onResponse: (response, request) => response.setHeader('x-path', request.path) },
          { onRequest: { function: './filters.ts#tag' } },
        ],
      },
    },
  });
  expect(config.services?.['app']?.filters).toHaveLength(3);
});

// Never called: it is there to be compiled.
export function misuses(): unknown[] {
  const filter: RequestFilter = (request) => {
    // @ts-expect-error -- it is changed by setPath, so that it can be checked
    request.path = '/';
    // @ts-expect-error -- text only
    request.setHeader('x-a', 1);
    // @ts-expect-error -- there may be no such field
    return respond(200, { 'x-a': request.header('x-a') });
  };
  // @ts-expect-error -- nobody waits for a promise
  const late: RequestFilter = async (request) => respond(200, {}, request.path);
  // @ts-expect-error -- a target, not its name
  const named: AlgorithmFactory = () => ({ pick: (targets) => targets[0]?.id });
  return [
    filter,
    late,
    named,
    // @ts-expect-error -- a misspelt field
    defineConfig({ listeners, servces: {} }),
    // @ts-expect-error -- a response filter cannot answer
    defineConfig({ listeners, services: { app: { pools, filters: [{ onResponse: () => respond(200) }] } } }),
    // @ts-expect-error -- a filter is an object
    defineConfig({ listeners, services: { app: { pools, filters: [filter] } } }),
    // @ts-expect-error -- it is `algorithm: { function: ... }`
    defineConfig({ listeners, services: { app: { pools, algorithm: () => ({ pick: () => fail() }) } } }),
    // @ts-expect-error -- a configuration is needed
    createProxy({}),
  ];
}

function fail(): never {
  throw new Error('never called');
}
