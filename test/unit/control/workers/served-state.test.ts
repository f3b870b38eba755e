import { expect, it } from 'vitest';
import { ServedState } from '../../../../src/control/workers/served-state.ts';
import { serviceWithDefaults } from '../../../../src/schema/with-defaults.ts';
import { compileService } from '../../../../src/snapshot/compile.ts';
import type { TargetHealth } from '../../../../src/snapshot/data-plane.ts';
import type { ServiceSpec } from '../../../../src/snapshot/types.ts';

function service(name: string, ...hosts: string[]): ServiceSpec {
  const targets = hosts.map((host) => ({ url: `http://${host}:80` }));
  const document = serviceWithDefaults({ pools: { blue: { targets } } });
  return compileService(name, document, null, { stickySecret: 'only-of-this-test' });
}

function down(name: string, host: string): TargetHealth {
  return { service: name, pool: 'blue', target: `${host}:80`, up: false };
}

it('a worker to come is told which of the targets that there are were found down', () => {
  const served = new ServedState();
  served.add({ generation: 1, changed: [service('shop', 'a', 'b')], removed: [], health: [down('shop', 'a')] });
  served.setHealth([down('shop', 'b'), { ...down('shop', 'a'), up: true }]);
  expect(served.asUpdate()).toMatchObject({ generation: 1, removed: [] });
  expect(served.asUpdate().health).toEqual([{ ...down('shop', 'a'), up: true }, down('shop', 'b')]);
});

it('nothing is kept of targets that are gone, nor of their services', () => {
  const served = new ServedState();
  const health = [down('shop', 'a'), down('shop', 'b'), down('blog', 'a')];
  const changed = [service('shop', 'a', 'b'), service('blog', 'a')];
  served.add({ generation: 1, changed, removed: [], health });
  served.add({ generation: 2, changed: [service('shop', 'b', 'c')], removed: [], health: [down('shop', 'c')] });
  expect(served.asUpdate().health).toEqual([down('shop', 'b'), down('shop', 'c'), down('blog', 'a')]);
  served.add({ generation: 3, changed: [], removed: ['shop'] });
  served.add({ generation: 4, changed: [service('shop', 'a')], removed: [] });
  expect(served.asUpdate().health).toEqual([down('blog', 'a')]);
});
