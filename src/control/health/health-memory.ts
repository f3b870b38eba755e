import { readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';

import type { Clock, Timer } from '../../base/clock.ts';
import type { Log } from '../log.ts';
import { FILE_MODE } from '../store/durable-file.ts';
import type { TargetStatus } from './health-checker.ts';

/** Many targets may change sides at once, and one that flaps does so again and again: the file is written this often at most. */
const WRITE_REST_MS = 500;

const VERSION = 1;

export interface HealthMemoryOptions {
  /** The file and its draft; `null`: nothing is kept. */
  readonly files: { readonly health: string; readonly healthDraft: string } | null;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * Which targets were down, for the process after this one: what does not work should not be believed to, only because
 * nobody has looked yet. Not acknowledged to anybody, and so written beside the store and not in it; where it is lost,
 * targets start as the configuration says.
 */
export class HealthMemory {
  readonly #options: HealthMemoryOptions;
  readonly #wasDown: ReadonlySet<string>;
  #statuses: (() => readonly TargetStatus[]) | null = null;
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: HealthMemoryOptions) {
    this.#options = options;
    this.#wasDown = options.files === null ? new Set() : read(options.files.health, options.log);
  }

  /** Whether the target was down when the process before this one ended. */
  readonly wasDown = (service: string, pool: string, target: string): boolean =>
    this.#wasDown.has(keyOf({ service, pool, target }));

  /** To be called when some target has changed sides; `statuses` is asked for all of them a little later. */
  changed(statuses: () => readonly TargetStatus[]): void {
    // Once closed, the file is the next process's; and where no checks are made any more, nobody would be down.
    if (this.#options.files === null || this.#isClosed) return;
    this.#statuses = statuses;
    this.#timer ??= this.#options.clock.setTimer(WRITE_REST_MS, () => {
      this.#timer = null;
      this.#write();
    });
  }

  /** Keeps what is so now; resolves when that is done. Must come before the checks end. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) {
      this.#timer.cancel();
      this.#timer = null;
      this.#write();
    }
    await this.#writing;
  }

  #write(): void {
    const { files, log } = this.#options;
    if (files === null || this.#statuses === null) return;
    const down = this.#statuses().filter(({ up, checked }) => checked && !up);
    const text = JSON.stringify({ version: VERSION, down: down.map(keyOf) });
    this.#writing = this.#writing
      .then(async () => {
        await writeFile(files.healthDraft, text, { mode: FILE_MODE });
        await rename(files.healthDraft, files.health);
      })
      .catch((error: unknown) => log.warn({ err: error }, 'which targets are down could not be kept for a restart'));
  }
}

function read(file: string, log: Log): ReadonlySet<string> {
  try {
    const { version, down } = JSON.parse(readFileSync(file, 'utf8')) as { version: unknown; down: unknown };
    if (version !== VERSION || !Array.isArray(down)) throw new Error('it has another form');
    return new Set(down.filter((key) => typeof key === 'string'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
      log.warn({ err: error, file }, 'which targets were down before cannot be read; they start as configured');
    }
    return new Set();
  }
}

/** Names of services and pools hold no "/". */
function keyOf({ service, pool, target }: Pick<TargetStatus, 'service' | 'pool' | 'target'>): string {
  return `${service}/${pool}/${target}`;
}
