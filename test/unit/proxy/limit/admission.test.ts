import { describe, expect, it } from 'vitest';

import { Deadlines } from '../../../../src/proxy/deadlines.ts';
import { Admission, type Applicant, type Limited, type Ticket } from '../../../../src/proxy/limit/admission.ts';
import { seededRandom } from '../../../../src/base/random.ts';
import { manualClock } from '../../../helpers/manual-clock.ts';

interface FakeTarget extends Limited {
  inFlight: number;
  isEligible: boolean;
  keepsSessions: boolean;
}

const target = (): FakeTarget => ({ inFlight: 0, isEligible: true, keepsSessions: true });

function world(targets: FakeTarget[], { inFlight = 1, queue = 10, workers = 1 } = {}) {
  const clock = manualClock();
  const deadlines = new Deadlines(clock);
  deadlines.start();
  const admission = new Admission<FakeTarget>(deadlines);
  const spec = { targetInFlightMax: inFlight, queueMax: queue, queueMs: 1_000 };
  admission.update(spec, workers, targets);
  const served: [string, number][] = [];
  const tired: string[] = [];
  /** Asks for a place; the name of who got one is noted with the target's number. */
  function come(name: string, chosen: FakeTarget, isBound = false): Ticket<FakeTarget> | null | 'turned-away' {
    const free = admission.place(chosen, isBound);
    if (free !== null) {
      free.inFlight++;
      served.push([name, targets.indexOf(free)]);
      return null;
    }
    if (admission.isFull) return 'turned-away';
    return wait(name, (applicant) => admission.join(applicant, isBound ? chosen : null));
  }
  /** Whoever could not reach the target at which it has its place; null: it keeps that. */
  function moveOn(name: string, from: FakeTarget): Ticket<FakeTarget> | null {
    const ticket = wait(name, (applicant) => admission.joinForOther(applicant, from));
    if (ticket !== null) end(from);
    return ticket;
  }
  function wait<K extends Ticket<FakeTarget> | null>(name: string, join: (applicant: Applicant<FakeTarget>) => K): K {
    const ticket = join({
      onRoom(found) {
        found.inFlight++;
        served.push([name, targets.indexOf(found)]);
      },
      onWaitedTooLong() {
        tired.push(name);
        if (ticket !== null) admission.leave(ticket);
      },
    });
    return ticket;
  }
  function end(at: FakeTarget): void {
    at.inFlight--;
    admission.roomAt(at);
  }
  return { clock, admission, spec, served, tired, come, moveOn, end };
}

describe('who may go to a target', () => {
  it('takes another target while there is one with room', () => {
    const [a, b] = [target(), target()];
    const { come, served, admission } = world([a, b]);
    come('1', a);
    come('2', a);
    expect(served).toEqual([
      ['1', 0],
      ['2', 1],
    ]);
    come('3', b);
    expect(admission.waiting).toBe(1);
  });

  it('goes on in the order of coming', () => {
    const a = target();
    const { come, end, served } = world([a]);
    for (const name of ['1', '2', '3', '4']) come(name, a);
    for (let i = 0; i < 3; i++) end(a);
    expect(served.map(([name]) => name)).toEqual(['1', '2', '3', '4']);
    expect(a.inFlight).toBe(1);
  });

  it('waits for its own target when it is bound to one, and holds up nobody else', () => {
    const [a, b] = [target(), target()];
    const { come, end, served } = world([a, b]);
    come('1', a);
    come('bound', a, true);
    come('2', a);
    expect(served.at(-1)).toEqual(['2', 1]);
    end(b);
    expect(served.length).toBe(2);
    end(a);
    expect(served.at(-1)).toEqual(['bound', 0]);
  });

  it('comes before those who are bound if it has waited for longer', () => {
    const a = target();
    const { come, end, served } = world([a]);
    come('1', a);
    come('free', a);
    come('bound', a, true);
    end(a);
    end(a);
    expect(served.map(([name]) => name)).toEqual(['1', 'free', 'bound']);
  });

  it('is turned away when too many wait, and gives up when it takes too long', () => {
    const a = target();
    const { come, clock, tired, admission } = world([a], { queue: 2 });
    for (const name of ['1', '2', '3']) come(name, a);
    expect(come('4', a)).toBe('turned-away');
    clock.advance(1_300);
    expect(tired).toEqual(['2', '3']);
    expect(admission.waiting).toBe(0);
  });

  it('takes its part of what all workers may have together, rounded up', () => {
    const a = target();
    const { come, admission } = world([a], { inFlight: 5, queue: 3, workers: 2 });
    for (let i = 0; i < 5; i++) come(String(i), a);
    expect([a.inFlight, admission.waiting]).toEqual([3, 2]);
    expect(come('more', a)).toBe('turned-away');
  });

  it('goes to a target that comes, that is well again, or that may have more', () => {
    const [a, b] = [target(), target()];
    b.isEligible = false;
    const { come, served, admission, spec } = world([a, b]);
    for (const name of ['1', '2', '3', '4']) come(name, a);
    b.isEligible = true;
    admission.reconsider();
    expect(served.at(-1)).toEqual(['2', 1]);
    const c = target();
    admission.update(spec, 1, [a, b, c]);
    expect(c.inFlight).toBe(1);
    admission.update({ ...spec, targetInFlightMax: 2 }, 1, [a, b, c]);
    expect(served.length).toBe(4);
  });

  it('waits for any once the target that it is bound to is gone', () => {
    const [a, b] = [target(), target()];
    const { come, end, served, admission, spec } = world([a, b]);
    come('1', a);
    come('2', b);
    come('bound', a, true);
    admission.update(spec, 1, [b]);
    end(b);
    expect(served.at(-1)).toEqual(['bound', 1]);
    expect(admission.waiting).toBe(0);
  });

  it('waits for another target where it could not reach its own, which serves those who have not tried it', () => {
    const [a, b] = [target(), target()];
    const { come, moveOn, end, served, admission } = world([a, b]);
    come('1', a);
    come('2', b);
    come('bound', a, true);
    moveOn('1', a);
    expect(served.at(-1)).toEqual(['bound', 0]);
    end(a);
    expect([a.inFlight, admission.waiting]).toEqual([0, 1]);
    come('3', a);
    end(b);
    expect(served.slice(-2)).toEqual([
      ['3', 0],
      ['1', 1],
    ]);
  });

  it('keeps its place at a target that it could not reach where there is no other, and takes any once there is none', () => {
    const [a, b] = [target(), target()];
    b.isEligible = false;
    const { come, moveOn, served, admission } = world([a, b]);
    come('1', a);
    expect(moveOn('1', a)).toBe(null);
    expect(a.inFlight).toBe(1);
    b.isEligible = true;
    come('2', b);
    moveOn('1', a);
    expect(admission.waiting).toBe(1);
    b.isEligible = false;
    admission.reconsider();
    expect(served.at(-1)).toEqual(['1', 0]);
  });

  it('leaves the line at once when its client is gone', () => {
    const a = target();
    const { come, end, served, admission } = world([a]);
    come('1', a);
    const gone = come('2', a);
    come('3', a);
    if (gone !== null && gone !== 'turned-away') admission.leave(gone);
    end(a);
    expect(served.map(([name]) => name)).toEqual(['1', '3']);
  });

  it('never has more at a target than it may, and lets nobody wait for one with room, whatever comes', () => {
    const random = seededRandom(20_30);
    const targets = Array.from({ length: 4 }, target);
    const { come, moveOn, end, admission, clock } = world(targets, { inFlight: 3, queue: 50 });
    const pick = (): FakeTarget => targets[Math.floor(random.next() * targets.length)] as FakeTarget;
    for (let round = 0; round < 20_000; round++) {
      const dice = random.next();
      const chosen = pick();
      if (dice < 0.5) come(String(round), chosen, random.next() < 0.3);
      else if (dice < 0.9 && chosen.inFlight > 0) end(chosen);
      else if (dice < 0.95 && chosen.inFlight > 0) moveOn(String(round), chosen);
      else if (dice < 0.98) {
        chosen.isEligible = !chosen.isEligible;
        chosen.keepsSessions = chosen.isEligible;
        admission.reconsider();
      } else clock.advance(130);
      expect(Math.max(...targets.map(({ inFlight }) => inFlight))).toBeLessThanOrEqual(3);
    }
    for (const one of targets) one.isEligible = one.keepsSessions = true;
    admission.reconsider();
    for (let left = 1_000; left > 0 && targets.some(({ inFlight }) => inFlight > 0); left--) {
      for (const one of targets) if (one.inFlight > 0) end(one);
    }
    expect(admission.waiting).toBe(0);
  });
});
