import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

import { NODE_FLOORS, nodeProblem } from '../../../src/cli/node-floor.ts';

it.each(['24.18.1', '24.19.0', '26.5.1', '26.6.0', '26.10.0', '27.0.0', '28.1.0', process.versions.node])(
  '%s is new enough',
  (version) => {
    expect(nodeProblem(version)).toBeNull();
  },
);

it.each(['18.20.0', '20.20.2', '22.23.2', '24.18.0', '24.2.9', '25.9.9', '26.0.0', '26.5.0'])(
  '%s is not',
  (version) => {
    expect(nodeProblem(version)).toMatch(/lacks security fixes .* use 24\.18\.1 \(or a later 24\), 26\.5\.1/);
  },
);

it('package.json and SECURITY.md say the same', () => {
  const read = (name: string): string => readFileSync(new URL(`../../../${name}`, import.meta.url), 'utf8');
  const { engines } = JSON.parse(read('package.json')) as { engines: { node: string } };
  expect(engines.node).toBe('>=24.18.1 <25 || >=26.5.1');
  for (const floor of NODE_FLOORS) expect(read('SECURITY.md')).toContain(floor.join('.'));
});
