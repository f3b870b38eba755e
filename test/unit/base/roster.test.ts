import fc from 'fast-check';
import { expect, test } from 'vitest';

import { Roster } from '../../../src/base/roster.ts';

interface Thing {
  readonly name: number;
  slot: number;
}

test('has what was added and not deleted, each once, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(20))), (steps) => {
      const things = Array.from({ length: 21 }, (_, name): Thing => ({ name, slot: -1 }));
      const roster = new Roster<'slot', Thing>('slot');
      const model = new Set<number>();
      for (const [adds, name] of steps) {
        const thing = things[name] as Thing;
        if (adds) {
          roster.add(thing);
          model.add(name);
        } else {
          roster.delete(thing);
          model.delete(name);
        }
        expect(roster.has(thing)).toBe(model.has(name));
      }
      expect(roster.size).toBe(model.size);
      expect([...roster].map(({ name }) => name).toSorted((a, b) => a - b)).toEqual(
        [...model].toSorted((a, b) => a - b),
      );
    }),
  );
});

test('what was in it at one moment can be ended one by one', () => {
  const roster = new Roster<'slot', Thing>('slot');
  for (let name = 0; name < 5; name++) roster.add({ name, slot: -1 });
  const seen = roster.all().map((thing) => {
    roster.delete(thing);
    return thing.name;
  });
  expect(seen).toHaveLength(5);
  expect(roster.size).toBe(0);
});
