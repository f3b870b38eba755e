import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

import { HealthMemory } from '../../../../src/control/health/health-memory.ts';
import type { TargetStatus } from '../../../../src/control/health/health-checker.ts';
import { storeFiles } from '../../../../src/control/store/store-files.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

function target(name: string, up: boolean, checked = true): TargetStatus {
  return { service: 'shop', pool: 'blue', target: name, up, checked, failure: null, sinceMs: 0 };
}

function start(files = storeFiles(temporaryFolder())) {
  const clock = manualClock();
  const warnings: string[] = [];
  const log = { error() {}, info() {}, warn: (_: object, message: string) => void warnings.push(message) };
  const open = (): HealthMemory => new HealthMemory({ files, clock, log });
  return { files, clock, warnings, open };
}

describe('which targets were down', () => {
  it('is known to the next process', async () => {
    const world = start();
    const memory = world.open();
    expect(memory.wasDown('shop', 'blue', 'b:80')).toBe(false);
    memory.changed(() => [target('a:80', true), target('b:80', false)]);
    await memory.close();
    const next = world.open();
    expect(next.wasDown('shop', 'blue', 'b:80')).toBe(true);
    expect(next.wasDown('shop', 'blue', 'a:80')).toBe(false);
    expect(next.wasDown('shop', 'green', 'b:80')).toBe(false);
    expect(statSync(world.files.health).mode & 0o777).toBe(0o600);
  });

  it('is not overwritten by what ends after the process has said its last', async () => {
    const world = start();
    const memory = world.open();
    memory.changed(() => [target('a:80', false)]);
    const closing = memory.close();
    memory.changed(() => []);
    await closing;
    world.clock.advance(1_000);
    await memory.close();
    expect(world.open().wasDown('shop', 'blue', 'a:80')).toBe(true);
  });

  it('is forgotten where they are well again, or nobody checks them', async () => {
    const world = start();
    const memory = world.open();
    memory.changed(() => [target('a:80', false), target('b:80', false, false)]);
    memory.changed(() => [target('a:80', true), target('b:80', false, false)]);
    await memory.close();
    expect(world.open().wasDown('shop', 'blue', 'a:80')).toBe(false);
    expect(world.open().wasDown('shop', 'blue', 'b:80')).toBe(false);
  });

  it('is written half a second after a change, however many there are', async () => {
    const world = start();
    const memory = world.open();
    let asked = 0;
    for (let change = 0; change < 50; change += 1) {
      memory.changed(() => {
        asked += 1;
        return [target('a:80', false)];
      });
      world.clock.advance(9);
    }
    expect(asked).toBe(0);
    world.clock.advance(100);
    expect(asked).toBe(1);
    await memory.close();
    expect(asked).toBe(1);
    expect(JSON.parse(readFileSync(world.files.health, 'utf8'))).toEqual({ version: 1, down: ['shop/blue/a:80'] });
  });

  it.each(['', '{', '[]', '{"version":2,"down":[]}', '{"version":1,"down":"all"}'])(
    'is not known where the file holds %j, which is said',
    (text) => {
      const world = start();
      writeFileSync(world.files.health, text);
      expect(world.open().wasDown('shop', 'blue', 'a:80')).toBe(false);
      expect(world.warnings).toEqual([expect.stringContaining('cannot be read')]);
    },
  );

  it('is not kept where it cannot be, which is said and costs nothing else', async () => {
    const world = start(storeFiles('/nowhere/at/all'));
    const memory = world.open();
    memory.changed(() => [target('a:80', false)]);
    await memory.close();
    expect(world.warnings).toEqual([expect.stringContaining('could not be kept')]);
  });

  it('is kept nowhere where nothing is', async () => {
    const { clock, files } = start();
    const memory = new HealthMemory({ files: null, clock, log: { error() {}, info() {}, warn() {} } });
    memory.changed(() => [target('a:80', false)]);
    await memory.close();
    expect(existsSync(files.health)).toBe(false);
    expect(clock.pendingTimers()).toBe(0);
  });
});
