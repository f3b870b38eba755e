import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { StreamTable } from '../../../../src/proxy/http2/stream-table.ts';

describe('a table of streams', () => {
  it('knows whom a map would know, whoever comes and goes', () => {
    const step = fc.record({ id: fc.integer({ min: 0, max: 150 }), comes: fc.boolean() });
    const property = fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const table = new StreamTable<{ id: number }>();
      const map = new Map<number, { id: number }>();
      for (const { id: place, comes } of steps) {
        const id = 2 * place + 1;
        if (comes && !map.has(id)) {
          const stream = { id };
          table.add(stream);
          map.set(id, stream);
        } else if (!comes) {
          table.delete(id);
          map.delete(id);
        }
        expect(table.get(id)).toBe(map.get(id) ?? null);
      }
      expect(table.size).toBe(map.size);
      for (let id = 1; id < 302; id += 2) expect(table.get(id)).toBe(map.get(id) ?? null);
      expect(new Set(table.all())).toEqual(new Set(map.values()));
    });
    fc.assert(property, { numRuns: 200 });
  });
});
