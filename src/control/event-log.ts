import type { Clock } from '../base/clock.ts';

/** Events kept for those who come back with a Last-Event-ID; older ones are forgotten. */
export const EVENTS_MAX = 1_000;

export type EventType = 'generation' | 'receipt' | 'drain' | 'health' | 'ejection' | 'panic';

export interface ControlEvent {
  /** "RUN.NUMBER": numbers count up by one within a run of the process, and runs are told apart. */
  readonly id: string;
  readonly type: EventType;
  /** RFC 3339. */
  readonly at: string;
  readonly data: unknown;
}

export interface Replay {
  readonly events: readonly ControlEvent[];
  /** Whether events between the one asked for and the first of these may be missing. */
  readonly gap: boolean;
}

/** What has happened lately, for whoever watches. */
export class EventLog {
  readonly #clock: Clock;
  readonly #run: string;
  readonly #listeners = new Set<(event: ControlEvent) => void>();
  #events: ControlEvent[] = [];
  #lastNumber = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#run = Math.floor(clock.wallMs()).toString(36);
  }

  append(type: EventType, data: unknown): void {
    this.#lastNumber += 1;
    const event = {
      id: `${this.#run}.${this.#lastNumber}`,
      type,
      at: new Date(this.#clock.wallMs()).toISOString(),
      data,
    };
    this.#events.push(event);
    // Thrown away in lumps: shifting one off a long array for each event would move all of it.
    if (this.#events.length >= 2 * EVENTS_MAX) this.#events = this.#events.slice(-EVENTS_MAX);
    for (const listener of this.#listeners) listener(event);
  }

  /** What happened after the event with this id; `null`: nothing of the past is wanted. */
  after(lastEventId: string | null): Replay {
    if (lastEventId === null) return { events: [], gap: false };
    const kept = this.#events.slice(-EVENTS_MAX);
    const index = kept.findIndex((event) => event.id === lastEventId);
    if (index !== -1) return { events: kept.slice(index + 1), gap: false };
    return { events: kept, gap: true };
  }

  /** Gives the way to end it. */
  subscribe(listener: (event: ControlEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
