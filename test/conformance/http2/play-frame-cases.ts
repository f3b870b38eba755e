/** Plays cases side by side to one proxy: each on a host of its own, by which both sides of it are told from all others. */
import { ProxyDataPlane } from '../../../src/proxy/data-plane.ts';
import type { ListenerDocument } from '../../../src/schema/listener.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../../src/snapshot/compile.ts';
import type { DataPlaneReport } from '../../../src/snapshot/data-plane.ts';
import type { ServiceSpec } from '../../../src/snapshot/types.ts';
import { eventually } from '../../helpers/eventually.ts';
import type { Pieces } from '../../helpers/write-pieces.ts';
import { CaseClient } from './case-client.ts';
import { type FrameCase, type FrameOutcome, Saying } from './frame-case.ts';
import { MarkedTarget } from './marked-target.ts';

/** Cases that are under way at once. */
const LANES = 24;
const PATIENCE_MS = 50_000;

type ListenerName = NonNullable<FrameCase['listener']>;

/** What comes byte by byte takes a busy machine long. */
const UNHURRIED = { requestHead: '2m', keepAlive: '2m' } as const;

const LISTENERS: Readonly<Record<ListenerName, Omit<ListenerDocument, 'listen' | 'http2'>>> = {
  plain: { timeouts: UNHURRIED },
  narrow: { timeouts: UNHURRIED, limits: { concurrentStreams: 4, head: '4KiB', fields: 20 } },
  short: { timeouts: UNHURRIED, limits: { requestsPerConnection: 2 } },
  impatient: { timeouts: { requestHead: '400ms', keepAlive: '400ms', linger: '200ms' } },
};

export interface FramePlay {
  readonly frameCase: FrameCase;
  readonly pieces: Pieces;
}

export interface FrameVerdict {
  readonly outcome: FrameOutcome;
  /** Why it is not as it should be; empty: it is. */
  readonly violations: readonly string[];
}

/** In the order of `plays`. */
export async function playFrameCases(plays: readonly FramePlay[]): Promise<FrameVerdict[]> {
  const world = await FrameWorld.start(plays);
  try {
    return await world.playAll(plays);
  } finally {
    await world.close();
  }
}

class FrameWorld {
  readonly #plane: ProxyDataPlane;
  readonly #target: MarkedTarget;
  readonly #ports: ReadonlyMap<ListenerName, number>;

  private constructor(plane: ProxyDataPlane, target: MarkedTarget, ports: ReadonlyMap<ListenerName, number>) {
    this.#plane = plane;
    this.#target = target;
    this.#ports = ports;
  }

  static async start(plays: readonly FramePlay[]): Promise<FrameWorld> {
    const target = await MarkedTarget.start();
    const plane = new ProxyDataPlane();
    const changed = plays.map((play, index) => serviceFor(play, index, target.url));
    await plane.apply({ generation: 1, changed, removed: [] });
    const ports = new Map<ListenerName, number>();
    for (const name of Object.keys(LISTENERS) as ListenerName[]) {
      // A machine that has much else to do is no reason to refuse anything.
      const limits = { ...LISTENERS[name].limits, loopLag: 'none' };
      const listener = listenerWithDefaults({ listen: '127.0.0.1:0', http2: true, ...LISTENERS[name], limits });
      ports.set(name, (await plane.listen(compileListener(name, listener))).port);
    }
    return new FrameWorld(plane, target, ports);
  }

  async playAll(plays: readonly FramePlay[]): Promise<FrameVerdict[]> {
    const verdicts: FrameVerdict[] = new Array<FrameVerdict>(plays.length);
    let next = 0;
    const work = async () => {
      for (let index = next++; index < plays.length; index = next++) {
        verdicts[index] = await this.#play(plays[index] as FramePlay, hostOf(index));
      }
    };
    await Promise.all(Array.from({ length: LANES }, work));
    const problems = await this.#accountProblems(plays.length);
    return verdicts.map(({ outcome, violations }, index) => ({
      outcome,
      violations: [...violations, ...(problems.get(serviceName(index)) ?? []), ...(problems.get('') ?? [])],
    }));
  }

  async #play({ frameCase, pieces }: FramePlay, host: string): Promise<FrameVerdict> {
    const port = this.#ports.get(frameCase.listener ?? 'plain') ?? 0;
    const client = await CaseClient.open(port, pieces);
    const outcome = await client.play(frameCase, new Saying(host)).catch((error: unknown) => {
      client.referee.violations.push(String(error));
      return 'silence' as const;
    });
    const record = this.#target.of(host);
    const violations = [
      ...(frameCase.expect.includes(outcome) ? [] : [`outcome: ${outcome}`]),
      ...client.referee.violations,
      ...alsoViolations(() => frameCase.also?.(client, record)),
      ...(await this.#besideViolations(host)),
    ];
    client.destroy();
    const requests = record.requests.filter(({ startLine }) => !/\/(?:after|beside) /.test(startLine)).length;
    const most = frameCase.requestsMax ?? (frameCase.expect.includes('answered 200') ? 1 : 0);
    if (requests > most) violations.push(`${requests} requests at the target, at most ${most} allowed`);
    return { outcome, violations };
  }

  /** Whatever the case has done, and still does, to its own connection: another one is served. */
  async #besideViolations(host: string): Promise<readonly string[]> {
    const beside = await CaseClient.open(this.#ports.get('plain') ?? 0, 'whole');
    const plain = { name: 'beside', source: '', why: '', expect: ['answered 200'], asksAfter: false } as const;
    const outcome = await beside.play({ ...plain, steps: (say) => [say.get(1, '/beside')] }, new Saying(host));
    beside.destroy();
    return outcome === 'answered 200' ? [] : [`the connection beside it: ${outcome}`];
  }

  /** By service; under "" what no service has done by itself. */
  async #accountProblems(services: number): Promise<ReadonlyMap<string, readonly string[]>> {
    const problems = new Map<string, readonly string[]>();
    let report = await this.#plane.report();
    await eventually(async () => {
      report = await this.#plane.report();
      if (report.pools.some(({ inFlight }) => inFlight > 0)) throw new Error('requests are in flight');
    }, PATIENCE_MS).catch(() => undefined);
    problems.set('', [...ledgerProblems(report), ...this.#target.problems, ...this.#strangers(services)]);
    for (const { service, inFlight, traffic } of report.pools) {
      const counted = traffic.flatMap(({ requests }) => requests).reduce((sum, [, , count]) => sum + count, 0);
      const came = this.#target.of(hostOf(Number(service.slice(1)))).heads;
      problems.set(service, [
        ...(inFlight > 0 ? [`${inFlight} requests are in flight for ever`] : []),
        ...(came > counted ? [`${came} requests at the target, ${counted} accounted for`] : []),
      ]);
    }
    return problems;
  }

  /** Hosts that no case has asked for. */
  #strangers(services: number): readonly string[] {
    const known = new Set(Array.from({ length: services }, (_, index) => hostOf(index)));
    return this.#target.hosts.filter((host) => !known.has(host)).map((host) => `a request for ${host}`);
  }

  async close(): Promise<void> {
    await this.#plane.close();
    await this.#target.close();
  }
}

function serviceFor({ frameCase }: FramePlay, index: number, url: string): ServiceSpec {
  const document = {
    ...frameCase.service,
    match: { hosts: [hostOf(index)] },
    pools: { only: { targets: [{ url }] } },
  };
  return compileService(serviceName(index), serviceWithDefaults(document), null, { stickySecret: 'only-of-this-test' });
}

function serviceName(index: number): string {
  return `s${index}`;
}

function hostOf(index: number): string {
  return `s${index}.test`;
}

function ledgerProblems({ ledger }: DataPlaneReport): readonly string[] {
  return ledger
    .filter((one) => {
      const ended = one.completed + one.clientAborted + one.upstreamFailed + one.proxyFailed + one.cut;
      return one.accepted !== ended + one.inFlight;
    })
    .map((one) => `the ledger does not balance: ${JSON.stringify(one)}`);
}

function alsoViolations(check: () => void): readonly string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
