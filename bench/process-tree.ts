import { readFile, readdir } from 'node:fs/promises';

/** Ticks per second of the times in /proc/PID/stat; the kernel reports them at 100 whatever its own rate is. */
const TICKS_PER_SECOND = 100;

export interface TreeUsage {
  /** User and system time of the process, its threads and its children, ended ones included. */
  readonly cpuSeconds: number;
  readonly userSeconds: number;
  readonly systemSeconds: number;
  readonly residentBytes: number;
}

/** What a process and all its descendants have used. */
export async function treeUsage(rootPid: number): Promise<TreeUsage> {
  const stats = await readStats();
  let [userTicks, systemTicks, residentBytes] = [0, 0, 0];
  for (const pid of descendants(rootPid, stats)) {
    userTicks += stats.get(pid)?.userTicks ?? 0;
    systemTicks += stats.get(pid)?.systemTicks ?? 0;
    residentBytes += await readResidentBytes(pid);
  }
  return {
    cpuSeconds: (userTicks + systemTicks) / TICKS_PER_SECOND,
    userSeconds: userTicks / TICKS_PER_SECOND,
    systemSeconds: systemTicks / TICKS_PER_SECOND,
    residentBytes,
  };
}

interface Stat {
  readonly parentPid: number;
  readonly userTicks: number;
  readonly systemTicks: number;
}

async function readStats(): Promise<ReadonlyMap<number, Stat>> {
  const stats = new Map<number, Stat>();
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const text = await readIfThere(`/proc/${entry}/stat`);
    if (text !== null) stats.set(Number(entry), parseStat(text));
  }
  return stats;
}

/** proc_pid_stat(5). The second field is the command in parentheses and may hold anything, spaces included. */
function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return { parentPid: field(4), userTicks: field(14) + field(16), systemTicks: field(15) + field(17) };
}

function descendants(rootPid: number, stats: ReadonlyMap<number, Stat>): ReadonlySet<number> {
  const found = new Set([rootPid]);
  let before = 0;
  while (before < found.size) {
    before = found.size;
    for (const [pid, { parentPid }] of stats) if (found.has(parentPid)) found.add(pid);
  }
  return found;
}

async function readResidentBytes(pid: number): Promise<number> {
  const status = await readIfThere(`/proc/${pid}/status`);
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? '')?.[1];
  return Number(kib ?? 0) * 1024;
}

/** A process may end between being listed and being read. */
async function readIfThere(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return null;
  }
}
