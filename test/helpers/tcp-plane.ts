import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { ProxyDataPlane, type ProxyOptions } from '../../src/proxy/data-plane.ts';
import type { ListenerDocument } from '../../src/schema/listener.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import type { Applied, LedgerReport, PoolReport } from '../../src/snapshot/data-plane.ts';
import type { ServiceSpec } from '../../src/snapshot/types.ts';
import { eventually } from './eventually.ts';

const SERVICE = 'db';
const LISTENER = 'db';

/** A data plane with one listener that passes bytes, and the service of that listener. */
export class TcpPlane {
  readonly plane: ProxyDataPlane;
  #spec: ServiceSpec | null = null;
  #generation = 0;
  port = 0;

  constructor(options: ProxyOptions) {
    this.plane = new ProxyDataPlane({ random: seededRandom(1), clock: systemClock, ...options });
  }

  async listen(listener: Omit<ListenerDocument, 'listen' | 'protocol'>): Promise<void> {
    const document = listenerWithDefaults({ listen: '127.0.0.1:0', protocol: 'tcp', ...listener });
    this.port = (await this.plane.listen(compileListener(LISTENER, document))).port;
  }

  /** Puts another document in force, and counts down what `tracked`, a pool, has under way. */
  apply(document: ServiceDocument, tracked: string | null = null): Promise<Applied> {
    const match = { listeners: [LISTENER] };
    const options = { stickySecret: 'of no session' };
    this.#spec = compileService(SERVICE, serviceWithDefaults({ match, ...document }), this.#spec, options);
    const tracks = tracked === null ? [] : [{ id: 'drain', pools: [{ service: SERVICE, pool: tracked }] }];
    return this.plane.apply({ generation: ++this.#generation, changed: [this.#spec], removed: [] }, tracks);
  }

  /** Of all generations together. */
  async ledger(): Promise<Omit<LedgerReport, 'generation'>> {
    const { ledger } = await this.plane.report();
    const sum = { accepted: 0, completed: 0, clientAborted: 0, upstreamFailed: 0, proxyFailed: 0, cut: 0, inFlight: 0 };
    for (const entry of ledger) {
      for (const bucket of Object.keys(sum) as (keyof typeof sum)[]) sum[bucket] += entry[bucket];
    }
    return sum;
  }

  /** Until nothing is in flight; the ledger without what is 0. */
  async settled(): Promise<Partial<LedgerReport>> {
    return eventually(async () => {
      const ledger = await this.ledger();
      if (ledger.inFlight > 0) throw new Error(`${ledger.inFlight} connections are under way`);
      return Object.fromEntries(Object.entries(ledger).filter(([, count]) => count > 0));
    });
  }

  async pool(name: string): Promise<PoolReport> {
    const pool = (await this.plane.report()).pools.find((one) => one.pool === name);
    if (pool === undefined) throw new Error(`nothing was asked of the pool ${name}`);
    return pool;
  }

  /** Connections by state ("idle", "active", "tunnel"). */
  async connections(): Promise<Readonly<Record<string, number>>> {
    return { ...(await this.plane.report()).listeners[0]?.connections };
  }
}

/** A service with one pool for everything. */
export function tcpService(urls: readonly string[], more: Omit<ServiceDocument, 'pools'> = {}): ServiceDocument {
  return { pools: { blue: { targets: urls.map((url) => ({ url })) } }, ...more };
}

/** For the running test, serving `document`. */
export async function startTcpPlane(
  document: ServiceDocument,
  { listener = {}, ...options }: ProxyOptions & { listener?: Omit<ListenerDocument, 'listen' | 'protocol'> } = {},
): Promise<TcpPlane> {
  const plane = new TcpPlane(options);
  onTestFinished(async () => {
    await plane.plane.close();
  });
  await plane.apply(document);
  await plane.listen(listener);
  return plane;
}
