/**
 * How many clients the file descriptors of this process are enough for. Every client may need a second descriptor, for
 * its target, and some are kept back for the store, the admin API, health checks and logs. Without this, clients that
 * do nothing take all there are, and those who ask for something are refused for want of a connection to the target;
 * and a process without descriptors cannot even turn clients away without spinning.
 */
import { readFileSync, readdirSync } from 'node:fs';

/** Kept back, on top of what is open when the first listener is. */
const RESERVED = 64;
/** Clients that are let in however small the limit is: it then is so small that nothing can be promised. */
const CLIENTS_MIN = 8;

export class DescriptorBudget {
  readonly clientsMax: number;
  #clients = 0;

  constructor(clientsMax = clientsWithinLimit()) {
    this.clientsMax = clientsMax;
  }

  /** Whether there is room for one more client, which then has it. */
  take(): boolean {
    if (this.#clients >= this.clientsMax) {
      return false;
    }
    this.#clients++;
    return true;
  }

  giveBack(): void {
    this.#clients--;
  }
}

/** Infinite where the system does not say how many files a process may open (/proc is Linux's). */
function clientsWithinLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    const openFilesMax = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
    const openFiles = readdirSync('/proc/self/fd').length;
    return Math.max(CLIENTS_MIN, Math.floor((openFilesMax - openFiles - RESERVED) / 2));
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
