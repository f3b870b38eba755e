import { onTestFinished } from 'vitest';

import { seededRandom } from '../../src/base/random.ts';
import { type ControlPlane, createControlPlane } from '../../src/control/control-plane.ts';
import type { Log } from '../../src/control/log.ts';
import type { ChangeContext } from '../../src/control/state/change.ts';
import { NO_PRECONDITIONS } from '../../src/control/state/entity-tag.ts';
import { MemoryStore } from '../../src/control/store/memory-store.ts';
import type { Store } from '../../src/control/store/store.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { ConfigDocument } from '../../src/schema/config.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { FakeDataPlane } from './fake-data-plane.ts';
import { FakeHealth } from './fake-health.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';

export interface ControlWorld<C extends Clock = ManualClock> {
  readonly control: ControlPlane;
  readonly dataPlane: FakeDataPlane;
  readonly health: FakeHealth;
  readonly store: Store;
  readonly clock: C;
  /** What was reported as an error. */
  readonly errors: string[];
}

/** A service of two pools, blue with all the traffic. */
export const SHOP: ServiceDocument = {
  match: { hosts: ['shop.example.com'] },
  pools: {
    blue: { version: '1.4.0', targets: [{ url: 'http://127.0.0.1:3001' }] },
    green: { version: '1.5.0', targets: [{ url: 'http://127.0.0.1:3002' }] },
  },
  split: { blue: 100 },
};

export function configOf(services: Record<string, ServiceDocument>): ConfigDocument {
  return { listeners: { web: { listen: '127.0.0.1:0' } }, admin: { listen: '127.0.0.1:0' }, services };
}

export interface WorldOptions<C extends Clock> {
  readonly clock: C;
  readonly store?: Store;
  readonly health?: FakeHealth;
}

/** A control plane that serves `services` from a configuration file, over a data plane without sockets. */
export async function startControl(services: Record<string, ServiceDocument> = { shop: SHOP }): Promise<ControlWorld> {
  return startControlWith(services, { clock: manualClock() });
}

export async function startControlWith<C extends Clock>(
  services: Record<string, ServiceDocument>,
  options: WorldOptions<C>,
): Promise<ControlWorld<C>> {
  const world = makeControl(options);
  await world.control.start(configOf(services), 'cutover.yaml');
  return world;
}

/** As `startControlWith`, not yet started. */
export function makeControl<C extends Clock>({ clock, store, health }: WorldOptions<C>): ControlWorld<C> {
  const dataPlane = new FakeDataPlane();
  const checks = health ?? new FakeHealth();
  const kept = store ?? new MemoryStore();
  const errors: string[] = [];
  const log: Log = { info: () => {}, warn: () => {}, error: (_fields, message) => errors.push(message) };
  const random = seededRandom(1);
  const control = createControlPlane({ dataPlane, store: kept, clock, random, health: checks, log });
  onTestFinished(() => control.close());
  return { control, dataPlane, health: checks, store: kept, clock, errors };
}

/** Somebody who calls the API, without conditions but those given. */
export function caller(more: Partial<ChangeContext> = {}): ChangeContext {
  return {
    actor: { kind: 'api', name: 'tester', address: '127.0.0.1' },
    requestId: 'r1',
    requestedAtMs: Date.UTC(2030, 0, 1),
    preconditions: NO_PRECONDITIONS,
    idempotency: null,
    ...more,
  };
}
