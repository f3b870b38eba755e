import { onTestFinished } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { explainQuestion } from '../../src/control/explain-question.ts';
import { ProxyDataPlane, type ProxyOptions } from '../../src/proxy/data-plane.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import type { DataPlaneReport, TargetReport, WarmedTarget } from '../../src/snapshot/data-plane.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import { compileWarmUp } from '../../src/snapshot/compile-wellness.ts';
import type { Explanation } from '../../src/snapshot/explain.ts';
import type { ServiceSpec } from '../../src/snapshot/types.ts';
import { HttpClient } from './http-client.ts';
import { type ManualClock, manualClock } from './manual-clock.ts';

const SERVICE = 'app';

/** A data plane on real sockets whose time stands still until the test moves it; it serves one service. */
export class TimedPlane {
  readonly clock: ManualClock;
  readonly #plane: ProxyDataPlane;
  #document: ServiceDocument | null = null;
  #spec: ServiceSpec | null = null;
  #generation = 0;
  port = 0;

  constructor(options: Omit<ProxyOptions, 'clock' | 'random'>) {
    this.clock = manualClock();
    this.#plane = new ProxyDataPlane({ ...options, clock: this.clock, random: seededRandom(1) });
  }

  async listen(): Promise<void> {
    const { port } = await this.#plane.listen(compileListener('web', listenerWithDefaults({ listen: '127.0.0.1:0' })));
    this.port = port;
  }

  /** Puts another document in force. `down`: targets, as "pool/host:port", that are not known to be up. */
  async apply(document: ServiceDocument, down: readonly string[] = []): Promise<void> {
    const options = { stickySecret: 'only-of-this-test' };
    this.#document = document;
    this.#spec = compileService(SERVICE, serviceWithDefaults(document), this.#spec, options);
    const health = down.map((name) => ({ ...placeOf(name), up: false }));
    await this.#plane.apply({ generation: ++this.#generation, changed: [this.#spec], removed: [], health });
  }

  /** `target` as "pool/host:port". */
  setUp(target: string, up: boolean): void {
    this.#plane.setHealth([{ ...placeOf(target), up }]);
  }

  /** By the service's `warmUp`. */
  async warmUp(pool: string): Promise<readonly WarmedTarget[]> {
    const { warmUp } = serviceWithDefaults(this.#document ?? { pools: {} });
    if (warmUp === undefined) throw new Error('the service has no warm-up');
    return this.#plane.warmUp({ service: SERVICE, pool, warmUp: compileWarmUp(warmUp) });
  }

  /** What would become of a request if `document` were in force; `down` as for `apply`. */
  async explain(document: ServiceDocument, down: readonly string[] = []): Promise<Explanation> {
    const spec = compileService(SERVICE, serviceWithDefaults(document), this.#spec, {
      stickySecret: 'only-of-this-test',
    });
    const health = down.map((name) => ({ ...placeOf(name), up: false }));
    const proposed = { generation: this.#generation + 1, changed: [spec], removed: [], health };
    return this.#plane.explain(explainQuestion({ url: 'http://app/' }), proposed);
  }

  report(): Promise<DataPlaneReport> {
    return this.#plane.report();
  }

  async targets(pool: string): Promise<ReadonlyMap<string, TargetReport>> {
    const report = (await this.#plane.report()).pools.find((one) => one.pool === pool);
    return new Map(report?.targets.map((target) => [target.target, target]));
  }

  /** How many of so many requests, one after the other, each version answered; failures by their status. */
  async answers(count: number, path = '/'): Promise<Record<string, number>> {
    const client = await HttpClient.connect(this.port);
    const counts: Record<string, number> = {};
    for (let i = 0; i < count; i++) {
      const response = await client.request({ path });
      const who = response.status === 200 ? (response.field('x-version') ?? '') : String(response.status);
      counts[who] = (counts[who] ?? 0) + 1;
    }
    client.close();
    return counts;
  }

  close(): Promise<{ cut: number }> {
    return this.#plane.close();
  }
}

/** For the running test, serving `document`. */
export async function startTimedPlane(
  document: ServiceDocument,
  options: Omit<ProxyOptions, 'clock' | 'random'> = {},
): Promise<TimedPlane> {
  const plane = new TimedPlane(options);
  onTestFinished(async () => {
    await plane.close();
  });
  await plane.apply(document);
  await plane.listen();
  return plane;
}

function placeOf(name: string): { service: string; pool: string; target: string } {
  const [pool = '', target = ''] = name.split('/');
  return { service: SERVICE, pool, target };
}
