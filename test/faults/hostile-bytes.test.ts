/**
 * A target whose answers have a wrong byte, wherever it is in their head: the client gets that answer, one of the proxy
 * that says what happened, or a connection that is visibly broken; and whoever comes next gets an answer of their own.
 */
import { expect, test } from 'vitest';

import { BrokenAnswer, HttpClient } from '../helpers/http-client.ts';
import { expectAccount, outcomesOf, send, startBroken } from './broken-world.ts';

const LANES = 6;
/** Letters become others, ends of lines become text, and everything leaves ASCII. */
const FLIPS = [0x01, 0x80];
/** The head of an answer of the application; what is wrong in a body nobody can tell. */
const HEAD_BYTES = 153;
/** For answers whose end or whose length cannot be seen any more. */
const TIMEOUTS = { responseHead: '2s', responseBodyIdle: '2s' };

test('a wrong byte anywhere in a head costs one request at most, and never gives one the answer of another', async () => {
  const plan = FLIPS.flatMap((xor) => Array.from({ length: HEAD_BYTES }, (_, at) => ({ at, xor })));
  const wrong: string[] = [];
  const seen = new Set<string>();
  await Promise.all(
    Array.from({ length: LANES }, async (_, lane) => {
      const world = await startBroken({ service: { timeouts: TIMEOUTS } });
      const [fault] = world.faults;
      if (fault === undefined) throw new Error('there is one target');
      for (const corrupt of plan.filter((__, index) => index % LANES === lane)) {
        fault.manner = { response: { corrupt } };
        const outcome = await outcomeOf(world.proxy.port);
        seen.add(outcome);
        if (!/^(\d\d\d old|50[24]|broken)$/.test(outcome)) wrong.push(`${JSON.stringify(corrupt)}: ${outcome}`);
        fault.manner = {};
        await send(world);
      }
      expect(outcomesOf(world)).toEqual({ old: world.ledger.entries.size });
      await expectAccount(world);
    }),
  );
  expect(wrong).toEqual([]);
  expect([...seen]).toEqual(expect.arrayContaining(['200 old', '502', 'broken']));
});

/** Of a request that is in no account: "200 old" with the status and the body of the application, or what else came. */
async function outcomeOf(port: number): Promise<string> {
  const client = await HttpClient.connect(port);
  try {
    const { status, body } = await client.request();
    const isOurs = status === 502 || status === 504;
    return isOurs ? String(status) : `${status} ${body.toString().trimEnd()}`;
  } catch (error) {
    if (error instanceof BrokenAnswer && error.message.startsWith('connection ended')) return 'broken';
    return String(error);
  } finally {
    client.close();
  }
}
