/**
 * A process that opens the store in a folder and carries changes out, saying so line by line:
 *
 *   node test/faults/store-writer.ts FOLDER CHANGES [stay | stay-with-child | crash]
 *
 * With "stay" it keeps the store open until it is killed, and may have started a process that lives on, as a primary
 * has workers. With "crash" it kills itself, at the latest when a change is refused.
 */
import { spawn } from 'node:child_process';
import { writeSync } from 'node:fs';

import { systemClock } from '../../src/base/clock.ts';
import { SqliteStore } from '../../src/control/store/sqlite-store.ts';
import { StoreError } from '../../src/control/store/store-error.ts';
import { change, conclude } from './store-changes.ts';

const [folder = '', changes = '0', atEnd] = process.argv.slice(2);

try {
  const store = await SqliteStore.open(folder, { clock: systemClock });
  const { generation } = await store.load();
  say('open');
  for (let n = generation + 1; n <= generation + Number(changes); n++) {
    await store.commit(change(n));
    say(`acknowledged ${n}`);
    await conclude(store, n);
  }
  if (atEnd === 'stay-with-child') say(`child ${startChild()}`);
  if (atEnd?.startsWith('stay') === true) setInterval(() => {}, 1_000);
  else if (atEnd === 'crash') process.kill(process.pid, 'SIGKILL');
  else await store.close();
} catch (error) {
  if (!(error instanceof StoreError)) throw error;
  say(`refused ${error.reason}: ${error.message}`);
  if (atEnd === 'crash') process.kill(process.pid, 'SIGKILL');
}

/** Gives its process id. */
function startChild(): number {
  const forever = 'setInterval(() => {}, 1_000)';
  return spawn(process.execPath, ['-e', forever], { detached: true, stdio: 'ignore' }).pid ?? 0;
}

/** At once, and not when the process comes to it. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}
