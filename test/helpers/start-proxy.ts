import { onTestFinished } from 'vitest';
import type { Configuration, ServiceConfiguration } from '../../src/index.ts';
import type { ServiceDocument } from '../../src/schema/service.ts';
import type { ListenerDocument } from '../../src/schema/listener.ts';
import { AdminClient } from './admin-client.ts';
import { openProxy } from './open-proxy.ts';

export interface ProxySetup {
  readonly services: Readonly<Record<string, ServiceConfiguration>>;
  readonly listener?: Omit<ListenerDocument, 'listen'>;
  readonly trustedProxies?: readonly string[];
  /** What rules look things up in. */
  readonly lookups?: Pick<Configuration, 'addressSets' | 'regions' | 'jwtKeys'>;
  /** Address of the listener; any free port of 127.0.0.1 by default. */
  readonly listen?: string;
}

export interface TestProxy {
  readonly port: number;
  readonly admin: AdminClient;
  close(): Promise<void>;
}

/** A proxy with one listener, nothing on disk and its admin API, for the running test. */
export async function startProxy(setup: ProxySetup): Promise<TestProxy> {
  const proxy = await openProxy(configOf(setup));
  onTestFinished(() => proxy.close());
  return { port: proxy.port, admin: new AdminClient(proxy.adminUrl), close: () => proxy.close() };
}

/** The service named `app` with these pools, split as given or all to the first. */
export function appService(
  pools: Readonly<
    Record<
      string,
      { readonly version: string; readonly url: string } | readonly { readonly version: string; readonly url: string }[]
    >
  >,
  more: Omit<ServiceDocument, 'pools'> = {},
): { readonly app: ServiceDocument } {
  const names = Object.keys(pools);
  const documents = Object.entries(pools).map(([name, backends]) => {
    const list = Array.isArray(backends) ? backends : [backends];
    return [name, { version: list[0]?.version ?? '', targets: list.map(({ url }: { url: string }) => ({ url })) }];
  });
  return { app: { split: { [names[0] ?? '']: 100 }, ...more, pools: Object.fromEntries(documents) } };
}

function configOf(setup: ProxySetup): Configuration {
  return {
    listeners: { web: { listen: setup.listen ?? '127.0.0.1:0', ...setup.listener } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers: 0,
    trustedProxies: [...(setup.trustedProxies ?? [])],
    ...setup.lookups,
    services: { ...setup.services },
  };
}
