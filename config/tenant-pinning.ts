/**
 * Each tenant on a server of its own choice: large ones where their data is in memory, all others where there is least
 * to do. A server that is down is never among the targets, and its tenants go to another one meanwhile.
 *
 *     cutover run --config config/tenant-pinning.ts
 */
// Where Cutover is installed as a package: from 'cutover'.
import { type Algorithm, defineConfig } from '../src/index.ts';

/** Tenant → zone of its server. */
const PINNED: ReadonlyMap<string, string> = new Map([
  ['acme', 'rack-1'],
  ['globex', 'rack-2'],
]);

export function byTenant(): Algorithm {
  return {
    pick(targets, request) {
      const rack = PINNED.get(request.header('x-tenant') ?? '');
      const pinned = targets.find(({ zone }) => zone === rack);
      return pinned ?? targets.reduce((least, target) => (target.inFlight < least.inFlight ? target : least));
    },
  };
}

export default defineConfig({
  listeners: { web: { listen: '0.0.0.0:8080' } },
  services: {
    app: {
      pools: {
        main: {
          targets: [
            { url: 'http://127.0.0.1:3001', zone: 'rack-1' },
            { url: 'http://127.0.0.1:3002', zone: 'rack-2' },
            { url: 'http://127.0.0.1:3003', zone: 'rack-3' },
          ],
        },
      },
      algorithm: { function: byTenant },
    },
  },
});
