/** Whole proxies in a process of their own, so that it is seen when one takes it down: one proxy per target. */
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';
import type { LiveProxyOrder, LiveProxyState } from './live-proxy.ts';

/** Short, so that a target that says half of something does not hold up the rest. */
const TIMEOUTS = { responseHead: '300ms', responseBodyIdle: '300ms', requestBodyIdle: '300ms', tunnelIdle: '300ms' };

/** Where targets always answer, and clients go: what takes longer than this is never answered. */
const UNHURRIED = { responseHead: '30s', responseBodyIdle: '30s', requestBodyIdle: '30s' };

const planes: ProxyDataPlane[] = [];

async function open(targetPort: number, http2: boolean): Promise<number> {
  const pools = { only: { targets: [{ url: `http://127.0.0.1:${targetPort}` }] } };
  const service = compileService('app', serviceWithDefaults({ timeouts: http2 ? UNHURRIED : TIMEOUTS, pools }), null, {
    stickySecret: 'not used in here',
  });
  const listener = listenerWithDefaults({
    listen: '127.0.0.1:0',
    http2,
    timeouts: { linger: '200ms' },
    // A machine that is busy with fuzzing is no reason to refuse anything.
    limits: { loopLag: 'none' },
  });
  const proxy = new ProxyDataPlane();
  planes.push(proxy);
  await proxy.apply({ generation: 1, changed: [service], removed: [] });
  return (await proxy.listen(compileListener('web', listener))).port;
}

async function state(): Promise<LiveProxyState> {
  const reports = await Promise.all(planes.map((plane) => plane.report()));
  const ledger = reports.flatMap((report) => report.ledger);
  const ended = ledger.map((one) => one.completed + one.clientAborted + one.upstreamFailed + one.proxyFailed + one.cut);
  return {
    residentBytes: process.memoryUsage().rss,
    inFlight: ledger.reduce((sum, { inFlight }) => sum + inFlight, 0),
    isBalanced: ledger.every(({ accepted, inFlight }, index) => accepted === inFlight + (ended[index] ?? 0)),
  };
}

process.on('message', (order: LiveProxyOrder) => {
  if (order === 'state') {
    void state().then((answer) => process.send?.(answer));
    return;
  }
  const { targetPorts, http2 } = order;
  void Promise.all(targetPorts.map((port) => open(port, http2))).then((ports) => process.send?.(ports));
});
process.on('disconnect', () => process.exit());
