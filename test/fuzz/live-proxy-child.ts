/** Whole proxies in a process of their own, so that it is seen when one takes it down: one proxy per target. */
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import { listenerWithDefaults, serviceWithDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';

/** Short, so that a target that says half of something does not hold up the rest. */
const TIMEOUTS = { responseHead: '300ms', responseBodyIdle: '300ms', requestBodyIdle: '300ms', tunnelIdle: '300ms' };

async function open(targetPort: number): Promise<number> {
  const pools = { only: { targets: [{ url: `http://127.0.0.1:${targetPort}` }] } };
  const service = compileService('app', serviceWithDefaults({ timeouts: TIMEOUTS, pools }), null, {
    stickySecret: 'not used in here',
  });
  const listener = listenerWithDefaults({
    listen: '127.0.0.1:0',
    timeouts: { linger: '200ms' },
    // A machine that is busy with fuzzing is no reason to refuse anything.
    limits: { loopLag: 'none' },
  });
  const proxy = new ProxyDataPlane();
  await proxy.apply({ generation: 1, changed: [service], removed: [] });
  return (await proxy.listen(compileListener('web', listener))).port;
}

process.on('message', (targetPorts: readonly number[]) => {
  void Promise.all(targetPorts.map(open)).then((ports) => process.send?.(ports));
});
process.on('disconnect', () => process.exit());
