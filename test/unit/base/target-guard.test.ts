import type { LookupAddress } from 'node:dns';
import { expect, test } from 'vitest';

import { REFUSED_ADDRESS_CODE, type Resolve, TargetGuard } from '../../../src/base/target-guard.ts';

const ADMIN = { host: '127.0.0.1', port: 9900 };

function resolvesTo(...addresses: string[]): Resolve {
  return (_name, _options, callback) =>
    callback(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );
}

/** What a connection to a name at `port` is told. */
function look(guard: TargetGuard, port: number, all: boolean): Promise<string | string[]> {
  return new Promise((resolve, reject) => {
    guard.lookup(port)('app.internal', { all }, (error, found: string | LookupAddress[]) => {
      if (error) reject(error);
      else resolve(typeof found === 'string' ? found : found.map(({ address }) => address));
    });
  });
}

test.each(['169.254.169.254', '::ffff:169.254.169.254', '0.0.0.0', 'fe80::1', '224.0.0.1', 'fd00:ec2::254'])(
  'a name that leads to %s leads nowhere',
  async (address) => {
    const guard = new TargetGuard([], resolvesTo(address));
    for (const all of [true, false]) {
      await expect(look(guard, 80, all)).rejects.toMatchObject({ code: REFUSED_ADDRESS_CODE });
    }
  },
);

test.each(['127.0.0.1', '::ffff:127.0.0.1'])(
  'a name that leads to %s does not lead to the proxy itself, and to other ports it does',
  async (address) => {
    const guard = new TargetGuard([ADMIN], resolvesTo(address));
    await expect(look(guard, ADMIN.port, true)).rejects.toMatchObject({ code: REFUSED_ADDRESS_CODE });
    expect(await look(guard, 3001, true)).toEqual([address]);
  },
);

test('of several addresses those are left that are allowed', async () => {
  const guard = new TargetGuard([ADMIN], resolvesTo('169.254.169.254', '127.0.0.1', '10.0.0.1', '10.0.0.2'));
  expect(await look(guard, ADMIN.port, true)).toEqual(['10.0.0.1', '10.0.0.2']);
  expect(await look(guard, ADMIN.port, false)).toBe('10.0.0.1');
});

test('a name that is looked up anew is checked anew', async () => {
  const answers = ['10.0.0.1', '169.254.169.254'];
  const guard = new TargetGuard([], (name, options, callback) =>
    resolvesTo(answers.shift() ?? '')(name, options, callback),
  );
  expect(await look(guard, 80, true)).toEqual(['10.0.0.1']);
  await expect(look(guard, 80, true)).rejects.toMatchObject({ code: REFUSED_ADDRESS_CODE });
});

test('a name that does not exist is just that', async () => {
  const failure: NodeJS.ErrnoException = Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  const guard = new TargetGuard([], (_name, _options, callback) => callback(failure, []));
  await expect(look(guard, 80, true)).rejects.toBe(failure);
});
