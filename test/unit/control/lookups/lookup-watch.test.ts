/** Files that rules look things up in, as they change while the proxy serves. */
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';

import { AddressTable } from '../../../../src/base/address-table.ts';
import { LOOKUP_POLL_MS } from '../../../../src/control/lookups/lookup-watch.ts';
import type { ConfigDocument } from '../../../../src/schema/config.ts';
import { eventually } from '../../../helpers/eventually.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';
import { caller, configOf, makeControl, SHOP } from '../../../helpers/start-control.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

const OFFICE = { name: 'office', when: { clientIp: ['office'] }, pool: 'green' };

async function startWatching() {
  const folder = temporaryFolder({ 'office.txt': '10.0.0.1\n' });
  const world = makeControl({ clock: manualClock() });
  const config: ConfigDocument = {
    ...configOf({ shop: { ...SHOP, rules: [OFFICE] } }),
    addressSets: { office: { file: 'office.txt' }, cellar: { cidrs: ['10.9.9.9'] } },
  };
  const file = path.join(folder, 'cutover.yaml');
  await world.control.start(config, file);
  const { dataPlane, clock } = world;
  return {
    ...world,
    config,
    file,
    write: (text: string) => writeFileSync(path.join(folder, 'office.txt'), text),
    remove: () => rmSync(path.join(folder, 'office.txt')),
    /** Moves time on, look by look, until `check` holds. */
    later: (check: () => void) =>
      eventually(() => {
        clock.advance(LOOKUP_POLL_MS);
        check();
      }),
    /** Whether the last update that brought the set has the address in it. */
    has: (address: string): boolean => {
      const specs = dataPlane.updates.flatMap(({ lookups }) => lookups?.changed ?? []);
      const spec = specs.findLast(({ name }) => name === 'office');
      return spec?.kind === 'address-set' && new AddressTable(spec.table).find(address) >= 0;
    },
  };
}

it('are in force with the first generation', async () => {
  const { dataPlane, has } = await startWatching();
  expect(dataPlane.updates).toHaveLength(1);
  expect([has('10.0.0.1'), has('10.0.0.2')]).toEqual([true, false]);
});

it('are a generation of their own when they change, which carries nothing else', async () => {
  const { dataPlane, later, write, has, control, store } = await startWatching();
  write('10.0.0.1\n10.0.0.2\n');
  await later(() => expect(has('10.0.0.2')).toBe(true));
  const last = dataPlane.updates.at(-1);
  expect([last?.generation, last?.changed, last?.removed]).toEqual([2, [], []]);
  expect(last?.lookups?.changed.map(({ name }) => name)).toEqual(['office']);
  await eventually(() => expect(control.state.generation).toBe(2));
  expect((await store.generations(1))[0]).toMatchObject({ number: 2, kind: 'lookups' });
});

it('change nothing while they cannot be used, and take up where they can again', async () => {
  const { dataPlane, later, write, remove, has, clock } = await startWatching();
  write('10.0.0.1\nnonsense\n');
  for (let look = 0; look < 5; look++) {
    clock.advance(LOOKUP_POLL_MS);
    await setImmediate();
  }
  remove();
  for (let look = 0; look < 5; look++) {
    clock.advance(LOOKUP_POLL_MS);
    await setImmediate();
  }
  expect(dataPlane.updates).toHaveLength(1);
  write('10.0.0.3\n');
  await later(() => expect(has('10.0.0.3')).toBe(true));
  expect(dataPlane.updates).toHaveLength(2);
});

it('are brought by the next look where the data plane did not take them', async () => {
  const { dataPlane, later, write, has, errors } = await startWatching();
  dataPlane.failNextApply = new Error('broken');
  write('10.0.0.2\n');
  await later(() => expect(errors).toContain('the data plane did not apply a generation'));
  const before = dataPlane.updates.length;
  await later(() => expect(dataPlane.updates.length).toBeGreaterThan(before));
  expect(has('10.0.0.2')).toBe(true);
});

describe('the file of the configuration', () => {
  it('may bring others, and take away what nobody looks into', async () => {
    const { control, config, file, dataPlane } = await startWatching();
    const { cellar: _gone, ...addressSets } = config.addressSets ?? {};
    const added = { ...addressSets, attic: { cidrs: ['10.8.8.8'] } };
    await control.reload({ ...config, addressSets: added }, file);
    const { lookups } = dataPlane.updates.at(-1) ?? {};
    expect(lookups?.changed.map(({ name }) => name)).toEqual(['attic']);
    expect(lookups?.removed).toEqual(['address-set:cellar']);
  });

  it('may not take away what a service of the API looks into', async () => {
    const { control, config, file, dataPlane } = await startWatching();
    const api = {
      ...SHOP,
      match: { hosts: ['api.example.com'] },
      rules: [{ ...OFFICE, when: { clientIp: ['cellar'] } }],
    };
    await control.putService('api', api, caller());
    const before = dataPlane.updates.length;
    const { cellar: _gone, ...addressSets } = config.addressSets ?? {};
    await expect(control.reload({ ...config, addressSets }, file)).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path: '/services/api/rules/0/when/clientIp/0' }],
    });
    expect(dataPlane.updates).toHaveLength(before);
  });

  it('changes nothing at all where one of its files cannot be used', async () => {
    const { control, config, file, dataPlane } = await startWatching();
    const addressSets = { ...config.addressSets, attic: { file: 'attic.txt' } };
    await expect(control.reload({ ...config, services: {}, addressSets }, file)).rejects.toMatchObject({
      code: 'invalid',
      problems: [{ path: '/addressSets/attic/file', message: 'there is no such file' }],
    });
    expect(dataPlane.updates).toHaveLength(1);
  });
});

describe('the API', () => {
  it('may name what there is, and nothing else', async () => {
    const { control } = await startWatching();
    const rules = [{ ...OFFICE, when: { clientIp: ['offce'] } }];
    await expect(control.putService('shop', { ...SHOP, rules }, caller())).rejects.toMatchObject({
      problems: [
        { path: '/rules/0/when/clientIp/0', message: expect.stringContaining('did you mean "office"') as string },
      ],
    });
  });

  it('brings no files of its own', async () => {
    const { control, config } = await startWatching();
    const addressSets = { ...config.addressSets, secrets: { file: '/etc/passwd' } };
    await expect(control.applyConfig({ ...config, addressSets }, 'keep', caller())).rejects.toMatchObject({
      code: 'restart-required',
      problems: [{ path: '/addressSets' }],
    });
  });
});
