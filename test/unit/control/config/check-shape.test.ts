import { describe, expect, it } from 'vitest';
import { checkShape } from '../../../../src/control/config/check-shape.ts';
import type { ServiceDocument } from '../../../../src/schema/service.ts';

type Shape = Omit<ServiceDocument, 'pools'>;

function problems(shape: Shape): { path: string; message: string }[] {
  return checkShape({ pools: { main: {} }, ...shape }).map(({ path, message }) => ({ path, message }));
}

describe('what a service changes of messages', () => {
  it.each<[Shape]>([
    [{}],
    [{ path: { add: '/v2' } }],
    [{ path: { strip: '/api' }, match: { pathPrefix: '/api' } }],
    [{ path: { strip: '/api/' }, match: { pathPrefix: '/api' } }],
    [{ path: { strip: '/api' }, match: { pathPrefix: '/api/v1' } }],
    [
      {
        headers: {
          request: { set: { host: 'app.internal:3000' }, add: { 'x-a': '{clientAddress}' }, remove: ['via'] },
        },
      },
    ],
    [{ headers: { hide: [], response: { set: { 'x-served-by': '{pool}/{target}' } } } }],
  ])('may be %j', (shape) => {
    expect(problems(shape)).toEqual([]);
  });

  it.each<[string, string, Shape]>([
    ['/path/strip', 'match.pathPrefix is "/"', { path: { strip: '/api' } }],
    ['/path/strip', 'match.pathPrefix is "/apix"', { path: { strip: '/api' }, match: { pathPrefix: '/apix' } }],
    [
      '/headers/request/set/content-length',
      'by the proxy alone',
      { headers: { request: { set: { 'content-length': '1' } } } },
    ],
    [
      '/headers/request/add/transfer-encoding',
      'by the proxy alone',
      { headers: { request: { add: { 'transfer-encoding': 'x' } } } },
    ],
    ['/headers/response/remove/1', '"connection"', { headers: { response: { remove: ['x', 'connection'] } } }],
    ['/headers/hide/0', '"upgrade"', { headers: { hide: ['upgrade'] } }],
    ['/headers/request/add/host', 'can only be set', { headers: { request: { add: { host: 'a' } } } }],
    ['/headers/request/remove/0', 'can only be set', { headers: { request: { remove: ['host'] } } }],
    ['/headers/request/set/host', 'must be a host', { headers: { request: { set: { host: '{host}.evil' } } } }],
    [
      '/headers/request/set/x-a',
      'did you mean "{requestId}"',
      { headers: { request: { set: { 'x-a': '{requestID}' } } } },
    ],
    [
      '/headers/request/set/x-a',
      'there is no variable "{target}"',
      { headers: { request: { set: { 'x-a': '{target}' } } } },
    ],
    [
      '/headers/response/add/x-a',
      'known are {clientAddress}',
      { headers: { response: { add: { 'x-a': '{whatever}' } } } },
    ],
  ])('has a problem at %s: %s', (path, words, shape) => {
    expect(problems(shape)).toEqual([{ path, message: expect.stringContaining(words) }]);
  });
});
