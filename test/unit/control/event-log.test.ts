import { describe, expect, it } from 'vitest';

import { EVENTS_MAX, EventLog } from '../../../src/control/event-log.ts';
import { manualClock } from '../../helpers/manual-clock.ts';

describe('event log', () => {
  it('tells listeners, until they end it', () => {
    const log = new EventLog(manualClock());
    const heard: unknown[] = [];
    const end = log.subscribe(({ data }) => heard.push(data));
    log.append('health', 1);
    end();
    log.append('health', 2);
    expect(heard).toEqual([1]);
  });

  it('gives what happened after an event', () => {
    const log = new EventLog(manualClock());
    const ids: string[] = [];
    log.subscribe(({ id }) => ids.push(id));
    for (let n = 1; n <= 4; n++) log.append('health', n);
    const { events, gap } = log.after(ids[1] ?? '');
    expect(events.map(({ data }) => data)).toEqual([3, 4]);
    expect(gap).toBe(false);
  });

  it('says that there is a gap after an event of another run, or one that it has forgotten', () => {
    const first = new EventLog(manualClock(1_000));
    const second = new EventLog(manualClock(2_000));
    let id = '';
    first.subscribe((event) => (id = event.id));
    first.append('health', 1);
    second.append('health', 1);
    expect(second.after(id)).toMatchObject({ gap: true, events: [{ data: 1 }] });
    for (let n = 0; n < EVENTS_MAX; n++) first.append('health', n);
    expect(first.after('rs.1').gap).toBe(true);
  });

  it('keeps no more than its limit', () => {
    const log = new EventLog(manualClock());
    for (let n = 0; n < 5 * EVENTS_MAX; n++) log.append('health', n);
    const { events } = log.after('unknown');
    expect(events).toHaveLength(EVENTS_MAX);
    expect(events.at(-1)?.data).toBe(5 * EVENTS_MAX - 1);
  });
});
