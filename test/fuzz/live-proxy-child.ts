/** Whole proxies in a process of their own, so that it is seen when one takes it down: one proxy per target. */
import { ProxyDataPlane } from '../../src/proxy/data-plane.ts';
import { withDefaults } from '../../src/schema/with-defaults.ts';
import { compileListener, compileService } from '../../src/snapshot/compile.ts';

/** Short, so that a target that says half of something does not hold up the rest. */
const TIMEOUTS = { responseHead: '300ms', responseBodyIdle: '300ms', requestBodyIdle: '300ms', tunnelIdle: '300ms' };

async function open(targetPort: number): Promise<number> {
  const config = withDefaults({
    listeners: { web: { listen: '127.0.0.1:0', timeouts: { linger: '200ms' } } },
    services: {
      app: { timeouts: TIMEOUTS, pools: { only: { targets: [{ url: `http://127.0.0.1:${targetPort}` }] } } },
    },
  });
  const { web } = config.listeners;
  const { app } = config.services;
  if (web === undefined || app === undefined) throw new Error('the configuration above has both');
  const proxy = new ProxyDataPlane();
  const spec = compileService('app', app, null, { stickySecret: 'not used in here' });
  await proxy.apply({ generation: 1, changed: [spec], removed: [] });
  return (await proxy.listen(compileListener('web', web))).port;
}

process.on('message', (targetPorts: readonly number[]) => {
  void Promise.all(targetPorts.map(open)).then((ports) => process.send?.(ports));
});
process.on('disconnect', () => process.exit());
