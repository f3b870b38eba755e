import { readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import { eventually } from '../helpers/eventually.ts';

/** Node's own: on this signal a process writes what is on its heap to a file. */
const SIGNAL = 'SIGUSR2';

/** Arguments of `node` for processes whose heaps can be looked at; they hold for the workers that these start, too. */
export function heapArgs(folder: string): string[] {
  return [`--heapsnapshot-signal=${SIGNAL}`, `--diagnostic-dir=${folder}`];
}

interface Snapshot {
  readonly snapshot: {
    readonly meta: { readonly node_fields: readonly string[]; readonly node_types: readonly unknown[] };
  };
  readonly nodes: readonly number[];
  readonly strings: readonly string[];
}

/** How many objects of each of these classes a process holds, once it has let go of all that it can. */
export async function liveObjects(
  pid: number,
  folder: string,
  classNames: readonly string[],
): Promise<Readonly<Record<string, number>>> {
  process.kill(pid, SIGNAL);
  const file = await eventually(() => {
    const [name] = readdirSync(folder).filter((one) => one.endsWith('.heapsnapshot') && one.includes(`.${pid}.`));
    if (name === undefined) throw new Error(`process ${pid} has written no heap snapshot`);
    return path.join(folder, name);
  }, 20_000);
  // Written piece by piece: it is whole when it can be read.
  const snapshot = await eventually(() => JSON.parse(readFileSync(file, 'utf8')) as Snapshot, 20_000);
  rmSync(file);
  return count(snapshot, classNames);
}

function count({ snapshot, nodes, strings }: Snapshot, classNames: readonly string[]): Record<string, number> {
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const [typeAt, nameAt] = [fields.indexOf('type'), fields.indexOf('name')];
  const objectType = (types[typeAt] as readonly string[]).indexOf('object');
  const counts = Object.fromEntries(classNames.map((name) => [name, 0]));
  for (let at = 0; at < nodes.length; at += fields.length) {
    if (nodes[at + typeAt] !== objectType) continue;
    const name = strings[nodes[at + nameAt] ?? 0] ?? '';
    if (name in counts) counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}
