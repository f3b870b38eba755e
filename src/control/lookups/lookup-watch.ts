import type { Clock, Timer } from '../../base/clock.ts';
import type { LookupSpec } from '../../snapshot/lookup-spec.ts';
import type { Log } from '../log.ts';
import { markOf, readLookup, type ReadLookup } from './read-lookups.ts';

/** How often files are looked at: who edits one does not wait long, and nobody notices the cost. */
export const LOOKUP_POLL_MS = 2_000;

export interface LookupWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Puts all of them in force; rejects where that could not be done, and is then asked again. */
  readonly onChange: (specs: readonly LookupSpec[]) => Promise<void>;
  /** Runs a look at the files when nothing else changes what they are. */
  readonly inTurn: (look: () => Promise<void>) => Promise<void>;
}

/** Reads files again that have changed. One that cannot be used changes nothing: what it held before stays in force. */
export class LookupWatch {
  readonly #options: LookupWatchOptions;
  #lookups: readonly ReadLookup[] = [];
  /** Marks of files that could not be used, by file: each is told of once. */
  readonly #broken = new Map<string, string>();
  #timer: Timer | null = null;
  #isClosed = false;
  /** What was read has not been put in force. */
  #isDue = false;

  constructor(options: LookupWatchOptions) {
    this.#options = options;
  }

  /** From now on these, which are in force. */
  use(lookups: readonly ReadLookup[]): void {
    this.#lookups = lookups;
    this.#broken.clear();
    this.#isDue = false;
    this.#timer?.cancel();
    this.#timer = null;
    if (lookups.some(({ source }) => source.file !== null)) this.#lookLater();
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
  }

  #lookLater(): void {
    if (this.#isClosed) return;
    this.#timer = this.#options.clock.setTimer(LOOKUP_POLL_MS, () => {
      const watched = this.#lookups;
      const look = async (): Promise<void> => {
        // Other ones have come while this one waited for its turn: those have a timer of their own.
        if (watched !== this.#lookups || this.#isClosed) return;
        await this.#look();
        this.#lookLater();
      };
      this.#options.inTurn(look).catch((error: unknown) => {
        this.#options.log.error({ err: error }, 'files that rules look things up in could not be looked at');
      });
    });
  }

  async #look(): Promise<void> {
    const { log, onChange } = this.#options;
    const next: ReadLookup[] = [];
    for (const lookup of this.#lookups) next.push(await this.#current(lookup));
    if (next.some((lookup, index) => lookup !== this.#lookups[index])) this.#isDue = true;
    this.#lookups = next;
    if (!this.#isDue) return;
    try {
      await onChange(next.map(({ spec }) => spec));
      this.#isDue = false;
    } catch (error) {
      log.error({ err: error }, 'what changed in files that rules look things up in is not in force yet');
    }
  }

  async #current(lookup: ReadLookup): Promise<ReadLookup> {
    const { source, mark: before } = lookup;
    const { file } = source;
    if (file === null) return lookup;
    const mark = await markOf(source);
    if (mark === before) {
      this.#broken.delete(file + source.at);
      return lookup;
    }
    if (this.#broken.get(file + source.at) === mark) return lookup;
    const read = await readLookup(source);
    if (!('problem' in read)) {
      this.#broken.delete(file + source.at);
      return read;
    }
    this.#broken.set(file + source.at, mark);
    const { path, message } = read.problem;
    this.#options.log.warn(
      { file, path, problem: message },
      'a changed file cannot be used: what it held stays in force',
    );
    return lookup;
  }
}
