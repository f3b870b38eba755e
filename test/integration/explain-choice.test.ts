/**
 * For any configuration and any requests: the service, pool, target, answer and copy that are explained are those that the
 * request then gets, with every algorithm. Time stands still but where a target takes some, so that nothing fades between
 * the question and the request.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';

import { seededRandom } from '../../src/base/random.ts';
import { explainQuestion } from '../../src/control/explain-question.ts';
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import type { ConfigDocument } from '../../src/schema/config.ts';
import type { Explanation } from '../../src/schema/explain.ts';
import { withDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import type { ServiceSpec, SnapshotUpdate } from '../../src/snapshot/types.ts';
import { eventually } from '../helpers/eventually.ts';
import type { ClientResponse } from '../helpers/http-client.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { ask } from '../helpers/start-client.ts';

const ALGORITHMS = ['round-robin', 'least-connections', 'p2c', 'least-time', 'rendezvous', 'random'] as const;
/** In each of two pools. */
const TARGETS = 3;

const oneTarget = fc.record({
  weight: fc.constantFrom(0, 1, 1, 1, 3),
  zone: fc.constantFrom('near', 'far'),
  backup: fc.boolean(),
  state: fc.constantFrom('ready', 'ready', 'ready', 'ready', 'drain', 'maint'),
  up: fc.constantFrom(true, true, true, true, false),
});

const oneRequest = fc.record({
  host: fc.constantFrom('app', 'app', 'app', 'app', 'app', 'nobody'),
  path: fc.constantFrom('/', '/', '/a', '/api/x', '/old/page', '/a/../b'),
  method: fc.constantFrom('GET', 'GET', 'GET', 'POST'),
  uid: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
  group: fc.constantFrom('', '', '', 'beta'),
  keepsSession: fc.boolean(),
  /** Milliseconds that its target takes; -1: until all others have been answered. */
  takesMs: fc.constantFrom(0, 5, 40, -1),
});

const world = fc.record({
  key: fc.constantFrom('header:x-uid', 'cookie:uid', 'client-ip', 'path'),
  prefersZone: fc.boolean(),
  sticky: fc.constantFrom(null, 'move' as const, 'keep' as const),
  green: fc.constantFrom(0, 30, 100),
  greenLater: fc.constantFrom(0, 60, 100),
  targets: fc.array(oneTarget, { minLength: 2 * TARGETS, maxLength: 2 * TARGETS }),
  requests: fc.array(oneRequest, { minLength: 8, maxLength: 16 }),
  seed: fc.nat(),
});

type AlgorithmName = (typeof ALGORITHMS)[number];
type World = typeof world extends fc.Arbitrary<infer W> ? W : never;
type Asked = World['requests'][number];

test.each(ALGORITHMS)('what is explained is what a request then gets, by %s', async (algorithm) => {
  const applications = await startApplications(2 * TARGETS + 1);
  let choices = 0;
  await fc.assert(
    fc.asyncProperty(world, async (setting) => {
      const trial = await Trial.start(setting, algorithm, applications);
      try {
        for (const [i, asked] of setting.requests.entries()) {
          if (i === 5) await trial.move(setting.greenLater);
          const { choice } = await trial.expectTruth(asked);
          if (choice?.by === 'algorithm') choices += 1;
        }
        await trial.finish();
      } finally {
        await trial.close();
      }
    }),
    { numRuns: 10 },
  );
  expect(choices).toBeGreaterThan(0);
});

interface Arrival {
  readonly target: string;
  readonly answer: () => void;
}

interface Applications {
  readonly targets: readonly string[];
  /** The next request that reaches one of them, which is then to be answered. Copies are answered by themselves. */
  readonly arrival: () => Promise<Arrival>;
  /** How many came to the last one, which is the shadow. */
  readonly copies: () => number;
}

async function startApplications(count: number): Promise<Applications> {
  const arrived: Arrival[] = [];
  let copies = 0;
  let hear: ((arrival: Arrival) => void) | null = null;
  const targets: string[] = [];
  for (let i = 0; i < count; i++) {
    const isShadow = i === count - 1;
    const server = createServer((request, response) => {
      const target = targets[i] ?? '';
      const answer = (): void => void response.writeHead(200, { 'x-served-by': target }).end();
      if (isShadow) {
        copies += 1;
        answer();
        return;
      }
      arrived.push({ target, answer });
      const first = hear === null ? undefined : arrived.shift();
      if (first !== undefined) hear?.(first);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    targets.push(`127.0.0.1:${(server.address() as AddressInfo).port}`);
  }
  const arrival = async (): Promise<Arrival> => {
    const { promise, resolve } = Promise.withResolvers<Arrival>();
    const first = arrived.shift();
    if (first === undefined) hear = resolve;
    else resolve(first);
    const next = await promise;
    hear = null;
    return next;
  };
  return { targets, arrival, copies: () => copies };
}

/** A data plane of one such configuration, and the account of what was sent to it. */
class Trial {
  readonly #setting: World;
  readonly #algorithm: AlgorithmName;
  readonly #applications: Applications;
  readonly #clock = manualClock();
  readonly #plane: ProxyDataPlane;
  readonly #copiesBefore: number;
  #copies = 0;
  #port = 0;
  #generation = 0;
  #specs: ReadonlyMap<string, ServiceSpec> = new Map();
  #session = '';
  readonly #held: { readonly arrival: Arrival; readonly answer: Promise<ClientResponse> }[] = [];

  private constructor(setting: World, algorithm: AlgorithmName, applications: Applications) {
    this.#setting = setting;
    this.#algorithm = algorithm;
    this.#applications = applications;
    this.#copiesBefore = applications.copies();
    this.#plane = new ProxyDataPlane({ clock: this.#clock, random: seededRandom(setting.seed), zone: 'near' });
  }

  static async start(setting: World, algorithm: AlgorithmName, applications: Applications): Promise<Trial> {
    const trial = new Trial(setting, algorithm, applications);
    await trial.#apply(setting.green);
    trial.#plane.setHealth(
      setting.targets.map(({ up }, i) => {
        return { service: 'app', pool: poolOf(i), target: applications.targets[i] ?? '', up };
      }),
    );
    const { listeners } = withDefaults(trial.#config(setting.green));
    for (const [name, listener] of Object.entries(listeners)) {
      trial.#port = (await trial.#plane.listen(compileListener(name, listener))).port;
    }
    return trial;
  }

  /** Another split, which is explained first as it is proposed. */
  async move(green: number): Promise<void> {
    const question = explainQuestion({ url: 'http://app/', headers: { 'x-uid': 'a' }, cookies: { uid: 'a' } });
    const proposed = await this.#plane.explain(question, this.#update(green));
    await this.#apply(green);
    const now = await this.#plane.explain(question, null);
    // What the algorithm draws is drawn anew for each list of targets, and so is whether the next request leaves the zone.
    const { prefersZone } = this.#setting;
    const isSame = ({ generation, rules, user, split, pool, targets }: Explanation) => {
      const eligible = targets.map(({ target, isEligible, inFlight }) => ({
        target,
        isEligible: prefersZone || isEligible,
        inFlight,
      }));
      return { generation, rules, user, split, pool, eligible };
    };
    expect(isSame(proposed)).toEqual(isSame(now));
  }

  async expectTruth({ host, path, method, uid, group, keepsSession, takesMs }: Asked): Promise<Explanation> {
    const cookies = { uid, ...(keepsSession && this.#session !== '' ? { session: this.#session } : {}) };
    const headers = { 'x-uid': uid, 'x-group': group };
    const question = explainQuestion({ url: `http://${host}${path}`, method, headers, cookies });
    const told = await this.#plane.explain(question, null);
    expect(await this.#plane.explain(question, null)).toEqual(told);

    const cookie = Object.entries(cookies).map((pair) => pair.join('='));
    const fields: [string, string][] = [...Object.entries(headers), ['Cookie', cookie.join('; ')]];
    const answer = ask(this.#port, { path, method, host, fields, ...(method === 'POST' ? { body: 'x' } : {}) });
    if (told.choice === null) {
      const { status } = await answer;
      expect(status).toBe(told.answer?.status ?? told.refusal?.status);
      return told;
    }
    const arrival = await Promise.race([this.#applications.arrival(), answer]);
    expect('target' in arrival ? arrival.target : arrival.status).toBe(told.choice.target);
    if (told.mirror?.outcome === 'copied') this.#copies += 1;
    if (!('target' in arrival)) return told;
    if (takesMs < 0) {
      this.#held.push({ arrival, answer });
      return told;
    }
    this.#clock.advance(takesMs);
    arrival.answer();
    const session = (await answer).field('set-cookie');
    expect(told.session === null || told.choice.by === 'session').toBe(session === null);
    this.#session = /session=([^;]+)/.exec(session ?? '')?.[1] ?? this.#session;
    await this.#untilInFlight(this.#held.length);
    return told;
  }

  async finish(): Promise<void> {
    const held = this.#held.splice(0);
    for (const { arrival } of held) arrival.answer();
    for (const { answer } of held) expect((await answer).status).toBe(200);
    await eventually(() => expect(this.#applications.copies() - this.#copiesBefore).toBe(this.#copies));
  }

  async close(): Promise<void> {
    for (const { arrival } of this.#held) arrival.answer();
    await this.#plane.close();
  }

  /** A client may have its answer before the proxy has taken note of its end. */
  async #untilInFlight(count: number): Promise<void> {
    await eventually(async () => {
      const { pools } = await this.#plane.report();
      expect(pools.reduce((sum, { inFlight }) => sum + inFlight, 0)).toBe(count);
    });
  }

  async #apply(green: number): Promise<void> {
    const update = this.#update(green);
    await this.#plane.apply(update);
    this.#generation = update.generation;
    this.#specs = new Map(update.changed.map((spec) => [spec.name, spec]));
  }

  #update(green: number): SnapshotUpdate {
    const { services } = withDefaults(this.#config(green));
    const changed = Object.entries(services).map(([name, service]) =>
      compileService(name, service, this.#specs.get(name) ?? null, { stickySecret: 'only of this test' }),
    );
    return { generation: this.#generation + 1, changed, removed: [] };
  }

  #config(green: number): ConfigDocument {
    const { key, prefersZone, sticky, targets } = this.#setting;
    const urls = this.#applications.targets.map((target) => `http://${target}`);
    const documents = targets.map(({ weight, zone, backup, state }, i) => {
      return { url: urls[i] ?? '', weight, zone, backup, state };
    });
    const pools = {
      blue: { version: '1', targets: documents.slice(0, TARGETS) },
      green: { version: '2', targets: documents.slice(TARGETS) },
      shadow: { targets: [{ url: urls[2 * TARGETS] ?? '' }] },
    };
    return {
      listeners: { web: { listen: '127.0.0.1:0' } },
      services: {
        app: {
          match: { hosts: ['app'] },
          pools,
          split: { blue: 100 - green, green },
          algorithm: {
            name: this.#algorithm,
            ...(this.#algorithm === 'rendezvous' ? { key } : {}),
            ...(prefersZone ? { zone: { enough: 80 } } : {}),
          },
          affinity: { key: ['cookie:uid'] },
          ...(sticky === null ? {} : { sticky: { cookie: 'session', onCutover: sticky } }),
          mirror: { pool: 'shadow' },
          rules: [
            { name: 'moved', when: { path: { prefix: '/old' } }, redirect: { location: '/new{rest}' } },
            { name: 'testers', when: { headers: { 'x-group': 'beta' } }, pool: 'green' },
          ],
        },
        api: { match: { hosts: ['app'], pathPrefix: '/api' }, pools: { only: { targets: [{ url: urls[0] ?? '' }] } } },
      },
    };
  }
}

function poolOf(index: number): string {
  return index < TARGETS ? 'blue' : 'green';
}
