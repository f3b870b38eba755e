/**
 * Run where there are ten local ports, by overload.test.ts: takes all of them for connections to a target, asks for
 * more, and prints what came of it. Clients have ports of their own choice, so that they need none that the proxy does.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import { withDefaults } from '../../src/schema/with-defaults.ts';
import { Backend } from '../helpers/backend.ts';
import { eventually } from '../helpers/eventually.ts';
import { ask as askNoted } from '../helpers/client-temper.ts';
import { HttpClient } from '../helpers/http-client.ts';
import { type ClientEntry, RequestLedger } from '../helpers/request-ledger.ts';
import type { PortFindings } from './overload.test.ts';

const PORTS = 10;
/** Outside of the range that is handed out, as those of the clients. */
const LISTENER_PORT = 18_080;
let clientPort = 50_000;

const backend = await Backend.start('v1', { port: LISTENER_PORT + 1 });
const { listeners, services } = withDefaults({
  listeners: { web: { listen: `127.0.0.1:${LISTENER_PORT}` } },
  services: { app: { pools: { only: { targets: [{ url: backend.url }] } } } },
});
const dataPlane = new ProxyDataPlane();
for (const [name, service] of Object.entries(services)) {
  const changed = [compileService(name, service, null, { stickySecret: 'of this test alone' })];
  await dataPlane.apply({ generation: 1, changed, removed: [] });
}
for (const [name, listener] of Object.entries(listeners)) await dataPlane.listen(compileListener(name, listener));

const ledger = new RequestLedger();
const held = Array.from({ length: PORTS }, () => ask('/hold'));
await eventually(() => {
  if (backend.held < PORTS) throw new Error(`only ${backend.held} requests came through`);
});
const refused = await Promise.all([ask('/'), ask('/')]);
const before = process.cpuUsage();
await wait(500);
const { user, system } = process.cpuUsage(before);
backend.release();
const answered = await Promise.all(held);
const afterwards = await Promise.all([ask('/'), ask('/'), ask('/')]);
const findings: PortFindings = {
  refused: refused.map(outcomeOf),
  held: answered.map(outcomeOf),
  afterwards: afterwards.map(outcomeOf),
  cpuMsMeanwhile: (user + system) / 1_000,
  balance: ledger.balance([backend]),
  report: await dataPlane.report(),
};
process.stdout.write(JSON.stringify(findings), () => process.exit(0));

async function ask(path: string): Promise<ClientEntry> {
  const client = await HttpClient.connect(LISTENER_PORT, { localAddress: '127.0.0.1', localPort: clientPort++ });
  const entry = ledger.begin('ports');
  await askNoted(client, entry, { path });
  return entry;
}

/** The version that answered, or what came instead. */
function outcomeOf({ version, failure }: ClientEntry): string {
  return version ?? failure ?? 'nothing';
}
