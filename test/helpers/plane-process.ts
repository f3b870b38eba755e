/**
 * A process that runs a data plane and nothing else, so that what it uses is what its clients and targets cost it. It is
 * asked over the channel to its parent; `start-plane.ts` is the other end.
 */
import { readCertificates } from '../../src/control/tls/certificate-files.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import { withDefaults } from '../../src/schema/with-defaults.ts';
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import type { PlaneAnswer, PlaneMemory, PlaneQuestion } from './start-plane.ts';

let dataPlane = new ProxyDataPlane();

async function answer(question: PlaneQuestion): Promise<unknown> {
  switch (question.ask) {
    case 'serve':
      return serve(question);
    case 'cpu':
      return cpuMicros();
    case 'held':
      return held();
    case 'report':
      return dataPlane.report();
    case 'stall':
      return stall(question.forMs);
  }
}

async function serve({ config }: Extract<PlaneQuestion, { ask: 'serve' }>): Promise<number> {
  const { listeners, services, trustedProxies } = withDefaults(config);
  await dataPlane.close();
  dataPlane = new ProxyDataPlane({ trustedProxies });
  const changed = Object.entries(services).map(([name, service]) =>
    compileService(name, service, null, { stickySecret: 'only-of-this-test' }),
  );
  const { certificates } = await readCertificates(config, '/', Date.now());
  await dataPlane.useCredentials({ certificates, ticketKeys: Buffer.alloc(48).toString('base64') });
  await dataPlane.apply({ generation: 1, changed, removed: [] });
  const bound = await Promise.all(
    Object.entries(listeners).map(([name, listener]) => dataPlane.listen(compileListener(name, listener))),
  );
  return bound[0]?.port ?? 0;
}

/** Since its start, on all threads. */
function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** What is still held once everything that is not has been given back. */
function held(): PlaneMemory {
  globalThis.gc?.();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heldBytes: heapUsed + external, residentBytes: rss };
}

/** Keeps the event loop from turning. */
function stall(forMs: number): void {
  const until = performance.now() + forMs;
  while (performance.now() < until);
}

process.on('message', (question: PlaneQuestion) => {
  answer(question).then(
    (value) => process.send?.({ id: question.id, value } satisfies PlaneAnswer),
    (error: unknown) => process.send?.({ id: question.id, error: String(error) } satisfies PlaneAnswer),
  );
});
process.on('disconnect', () => process.exit(0));
