import { readFile } from 'node:fs/promises';

/** As in /proc/PID/stat. */
const TICKS_PER_SECOND = 100;

/**
 * Processor time that the whole machine has used, in seconds. Interrupts are a part of it: the time of a process holds
 * those that came while it ran, and most of the network's work on a loopback is done in them.
 */
export async function machineCpuSeconds(): Promise<number> {
  const fields = (/^cpu .*$/m.exec(await readFile('/proc/stat', 'utf8'))?.[0] ?? '').split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , hardInterrupts = 0, softInterrupts = 0] = fields;
  return (user + nice + system + hardInterrupts + softInterrupts) / TICKS_PER_SECOND;
}
