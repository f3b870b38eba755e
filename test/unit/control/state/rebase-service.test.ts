import { describe, expect, it } from 'vitest';

import { type LookupNames, NO_LOOKUP_NAMES as NONE } from '../../../../src/control/config/lookup-names.ts';
import { type Rebased, rebaseService as rebase } from '../../../../src/control/state/rebase-service.ts';
import type { ServiceDocument } from '../../../../src/schema/service.ts';

const target = (port: number, more: object = {}) => ({ url: `http://10.0.0.1:${port}`, ...more });

const FILE: ServiceDocument = {
  pools: {
    blue: { version: '1', targets: [target(1), target(2)] },
    green: { version: '2', targets: [target(3)] },
  },
  split: { blue: 100 },
  timeouts: { connect: '1s' },
};

const LISTENERS = new Set(['web', 'inside']);

/** Under a file with these listeners. */
const rebaseService = (
  base: ServiceDocument,
  current: ServiceDocument,
  next: ServiceDocument,
  lookups: LookupNames,
): Rebased => rebase(base, current, next, lookups, LISTENERS);

/** The file's document with some fields changed. */
const but = (more: Partial<ServiceDocument>): ServiceDocument => ({ ...FILE, ...more });

describe('a file that changes under run-time changes', () => {
  it('takes back listeners of run time that it no longer has, and nothing else of the match', () => {
    const file = but({ match: { hosts: ['a.example'] } });
    const of = (listeners: string[]) => but({ match: { hosts: ['b.example'], listeners } });
    const lost = rebaseService(file, of(['inside', 'gone']), file, NONE);
    expect(lost.document.match).toEqual({ hosts: ['b.example'] });
    expect(lost).toMatchObject({ kept: ['/match/hosts'], dropped: ['/match/listeners'] });
    const next = but({ match: { hosts: ['a.example'], listeners: ['web'] } });
    expect(rebaseService(file, of(['gone']), next, NONE).document.match).toEqual({
      hosts: ['b.example'],
      listeners: ['web'],
    });
    const there = rebaseService(file, of(['inside']), file, NONE);
    expect(there).toMatchObject({ document: of(['inside']), kept: ['/match/hosts', '/match/listeners'], dropped: [] });
  });

  it('is in force where nothing was changed at run time', () => {
    const next = but({ split: { green: 100 }, algorithm: 'least-connections' });
    expect(rebaseService(FILE, FILE, next, NONE)).toEqual({ document: next, kept: [], dropped: [] });
  });

  it('leaves a split that was set at run time', () => {
    const next = but({ algorithm: 'least-connections' });
    const { document, kept } = rebaseService(FILE, but({ split: { green: 100 } }), next, NONE);
    expect(document).toEqual({ ...next, split: { green: 100 } });
    expect(kept).toEqual(['/split']);
  });

  it('says nothing of a run-time change that it agrees with', () => {
    const current = but({ split: { green: 100 } });
    expect(rebaseService(FILE, current, current, NONE)).toEqual({ document: current, kept: [], dropped: [] });
  });

  it('ends a split that sends traffic to a pool which it no longer has', () => {
    const next: ServiceDocument = { ...FILE, pools: { blue: FILE.pools['blue'] ?? {} } };
    const { document, dropped } = rebaseService(FILE, but({ split: { blue: 90, green: 10 } }), next, NONE);
    expect(document.split).toEqual({ blue: 100 });
    expect(Object.keys(document.pools)).toEqual(['blue']);
    expect(dropped).toEqual(['/split']);
  });

  it('keeps a split that gives nothing to a pool which it no longer has', () => {
    const next: ServiceDocument = { ...FILE, split: { green: 100 }, pools: { green: FILE.pools['green'] ?? {} } };
    const { document, dropped } = rebaseService(FILE, but({ split: { green: 100, blue: 0 } }), next, NONE);
    expect(document.split).toEqual({ green: 100 });
    expect(dropped).toEqual([]);
  });

  it('leaves the state of a target that was drained, and takes everything else of its pool', () => {
    const current = but({
      pools: { ...FILE.pools, blue: { version: '1', targets: [target(1, { state: 'drain' }), target(2)] } },
    });
    const next = but({
      pools: { ...FILE.pools, blue: { version: '1.1', targets: [target(2), target(1, { weight: 5 }), target(4)] } },
    });
    const { document, kept } = rebaseService(FILE, current, next, NONE);
    expect(document.pools['blue']).toEqual({
      version: '1.1',
      targets: [target(2), target(1, { weight: 5, state: 'drain' }), target(4)],
    });
    expect(kept).toEqual(['/pools/blue/targets/10.0.0.1:1/state']);
  });

  it('gives the state of a target up with the target', () => {
    const current = but({
      pools: { ...FILE.pools, blue: { version: '1', targets: [target(1, { state: 'maint' }), target(2)] } },
    });
    const next = but({ pools: { ...FILE.pools, blue: { version: '1', targets: [target(2)] } } });
    const { document, dropped } = rebaseService(FILE, current, next, NONE);
    expect(document.pools['blue']?.targets).toEqual([target(2)]);
    expect(dropped).toEqual(['/pools/blue/targets/10.0.0.1:1']);
  });

  it('leaves a pool and a target that were added at run time', () => {
    const pools = { ...FILE.pools, blue: { version: '1', targets: [target(1), target(2), target(9)] }, canary: {} };
    const { document, kept } = rebaseService(FILE, but({ pools }), FILE, NONE);
    expect(document.pools['canary']).toEqual({});
    expect(document.pools['blue']?.targets).toContainEqual(target(9));
    expect(kept).toEqual(['/pools/blue/targets/10.0.0.1:9', '/pools/canary']);
  });

  it('does not bring a pool back that was deleted at run time, until it says something new about it', () => {
    const current: ServiceDocument = { ...FILE, pools: { blue: FILE.pools['blue'] ?? {} } };
    const same = rebaseService(FILE, current, but({ algorithm: 'least-connections' }), NONE);
    expect(Object.keys(same.document.pools)).toEqual(['blue']);
    expect(same.kept).toEqual(['/pools/green']);
    const anew = rebaseService(FILE, current, but({ pools: { ...FILE.pools, green: { version: '3' } } }), NONE);
    expect(anew.document.pools['green']).toEqual({ version: '3' });
  });

  it('brings a deleted pool back that its own split needs', () => {
    const current: ServiceDocument = { ...FILE, pools: { blue: FILE.pools['blue'] ?? {} } };
    const { document, dropped, kept } = rebaseService(FILE, current, but({ split: { green: 100 } }), NONE);
    expect(document.split).toEqual({ green: 100 });
    expect(Object.keys(document.pools)).toContain('green');
    expect(dropped).toEqual(['/pools/green']);
    expect(kept).toEqual([]);
  });

  it('leaves a mirror that was set or ended at run time, as long as its pool is there', () => {
    const mirrored = but({ mirror: { pool: 'green' } });
    expect(rebaseService(FILE, mirrored, FILE, NONE).document.mirror).toEqual({ pool: 'green' });
    expect(rebaseService(mirrored, FILE, mirrored, NONE).document.mirror).toBeUndefined();
    const without: ServiceDocument = { ...FILE, pools: { blue: FILE.pools['blue'] ?? {} } };
    const gone = rebaseService(FILE, mirrored, without, NONE);
    expect(gone.document.mirror).toBeUndefined();
    expect(gone.dropped).toEqual(['/mirror']);
  });

  it('gives up rules and mirrors of run time that look up what the file no longer has', () => {
    const office = { ...NONE, addressSets: new Set(['office']) };
    const rules = [{ name: 'office', when: { clientIp: ['office'] }, pool: 'green' }];
    const mirror = { pool: 'green', when: { clientIp: ['office'] } };
    const current = but({ rules, mirror, split: { green: 100 } });
    expect(rebaseService(FILE, current, FILE, office).dropped).toEqual([]);
    const gone = rebaseService(FILE, current, FILE, NONE);
    expect(gone.document).toEqual(but({ split: { green: 100 } }));
    expect(gone.dropped).toEqual(['/mirror', '/rules']);
    expect(gone.kept).toEqual(['/split']);
  });

  it('leaves what the file itself looks up, so that it is refused for it', () => {
    const rules = [{ name: 'office', when: { clientIp: ['office'] }, pool: 'green' }];
    expect(rebaseService(FILE, FILE, but({ rules }), NONE).document.rules).toEqual(rules);
  });

  it('merges settings field by field', () => {
    const current = but({ timeouts: { connect: '5s' } });
    const next = but({ timeouts: { connect: '1s', responseHead: '3s' } });
    const { document, kept } = rebaseService(FILE, current, next, NONE);
    expect(document.timeouts).toEqual({ connect: '5s', responseHead: '3s' });
    expect(kept).toEqual(['/timeouts/connect']);
  });
});
