import { expect, it } from 'vitest';

import {
  REFUSALS_BURST,
  type RefusedCall,
  RefusalJournal,
  SUMMARY_INTERVAL_MS,
  requestLine,
} from '../../../../src/control/admin/refusal-journal.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';

const CALL: RefusedCall = {
  actor: { kind: 'api', name: 'anonymous', address: '192.0.2.1' },
  requestId: 'r1',
  request: 'GET /v1/status',
  service: null,
  code: 'unauthorized',
  detail: 'Say who you are.',
  isFailure: false,
};

function start() {
  const clock = manualClock();
  const kept: { detail: string; count?: number; problem: string | null }[] = [];
  const logged: object[] = [];
  const journal = new RefusalJournal({
    clock,
    log: { info: () => {}, warn: (fields) => logged.push(fields), error: () => {} },
    keep: async (entry) => void kept.push(entry),
  });
  return { clock, journal, kept, logged };
}

it('keeps refused calls one by one, in audit and log', async () => {
  const { journal, kept, logged } = start();
  await journal.record(CALL);
  expect(kept).toEqual([
    {
      actor: CALL.actor,
      requestId: 'r1',
      kind: 'request',
      service: null,
      result: 'refused',
      problem: 'unauthorized',
      detail: 'GET /v1/status: Say who you are.',
    },
  ]);
  expect(logged).toHaveLength(1);
});

it('sums up a flood: one entry in ten minutes, with how many calls it stands for and the last of them', async () => {
  const { clock, journal, kept, logged } = start();
  for (let n = 0; n < REFUSALS_BURST + 1_000; n++) await journal.record(CALL);
  await journal.record({ ...CALL, code: 'wrong-host', request: 'GET /last', requestId: 'r2' });
  expect([kept.length, logged.length]).toEqual([REFUSALS_BURST, REFUSALS_BURST]);
  clock.advance(SUMMARY_INTERVAL_MS);
  expect(kept.slice(REFUSALS_BURST)).toMatchObject([
    {
      requestId: 'r2',
      count: 1_001,
      problem: 'wrong-host',
      detail: '1001 further calls were refused (unauthorized 1000, wrong-host 1); the last: GET /last',
    },
  ]);
});

it('keeps at most 66 entries an hour of a flood that does not end', async () => {
  const { clock, journal, kept } = start();
  const hours = 3;
  for (let second = 0; second < hours * 3_600; second++) {
    await journal.record(CALL);
    await journal.record(CALL);
    clock.advance(1_000);
  }
  expect(kept.length).toBeLessThanOrEqual(REFUSALS_BURST + hours * 66);
});

it('tells what is untold when it ends', async () => {
  const { journal, kept } = start();
  for (let n = 0; n < REFUSALS_BURST + 5; n++) await journal.record(CALL);
  await journal.close();
  await journal.close();
  expect(kept).toHaveLength(REFUSALS_BURST + 1);
  expect(kept.at(-1)?.count).toBe(5);
});

it('shows method and path of a request, and never its query', () => {
  expect(requestLine('GET', '/v1/status?access_token=secret')).toBe('GET /v1/status');
  expect(requestLine('GET', '/v1/status#secret')).toBe('GET /v1/status');
  expect(requestLine('GET', `/${'x'.repeat(10_000)}`)).toHaveLength(200);
  expect(requestLine('GET', '/\u202e\n')).toBe('GET /\\u202e\\u000a');
});
