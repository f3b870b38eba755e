import { describe, expect, it } from 'vitest';
import { checkWellness } from '../../../../src/control/config/check-wellness.ts';
import type { ServiceDocument } from '../../../../src/schema/service.ts';

type Wellness = Pick<ServiceDocument, 'health' | 'ejection' | 'warmUp'>;

function problems(service: Wellness): string[] {
  return checkWellness({ pools: { main: {} }, ...service }).map(({ path, message }) => `${path} ${message}`);
}

describe('how a service finds out which targets are well', () => {
  it.each<[Wellness]>([
    [{}],
    [{ health: { type: 'tcp', interval: '1s', rise: 1 } }],
    [{ health: { method: 'HEAD', headers: { authorization: 'Bearer 1' } } }],
    [{ health: { bodyContains: 'ok', host: 'app' } }],
    [{ ejection: {} }],
    [{ warmUp: { requests: [{ path: '/', headers: { host: 'shop.example.com' } }] } }],
    [{ ejection: { duration: '1m', durationMax: '1m' } }],
  ])('may be %j', (service) => {
    expect(problems(service)).toEqual([]);
  });

  it.each<[string, Wellness]>([
    ['/health/path is a setting of checks by http', { health: { type: 'tcp', path: '/' } }],
    ['/health/bodyContains is a setting of checks by http', { health: { type: 'tcp', bodyContains: 'ok' } }],
    ['/health/bodyContains needs a body', { health: { method: 'HEAD', bodyContains: 'ok' } }],
    ['/health/headers/host has a setting of its own', { health: { headers: { host: 'app' } } }],
    ['/health/headers/content-length is written by the proxy', { health: { headers: { 'content-length': '1' } } }],
    [
      '/warmUp/requests/1/headers/connection is written by the proxy',
      { warmUp: { requests: [{ path: '/' }, { path: '/', headers: { connection: 'close' } }] } },
    ],
    ['/ejection/durationMax is 10s, less than', { ejection: { duration: '20s', durationMax: '10s' } }],
    ['/ejection/durationMax is 20s, less than', { ejection: { durationMax: '20s' } }],
  ])('has the problem %s', (problem, service) => {
    expect(problems(service)).toEqual([expect.stringContaining(problem)]);
  });
});
