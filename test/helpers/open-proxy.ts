import type { ListenerDocument } from '../../src/schema/listener.ts';
import { type Configuration, createProxy } from '../../src/index.ts';

export interface OpenProxy {
  /** Of its listener `web`. */
  readonly port: number;
  readonly adminUrl: string;
  close(): Promise<void>;
}

/** The proxy as an embedder starts it; whoever calls this closes it. */
export async function openProxy(config: Configuration): Promise<OpenProxy> {
  const proxy = await createProxy({ config });
  return {
    port: proxy.listener('web').port,
    adminUrl: proxy.admin.url,
    close: async () => {
      await proxy.close();
    },
  };
}

/** With everything at its default, and one target for every request. */
export function openPlainProxy(targetUrl: string, listener: Omit<ListenerDocument, 'listen'> = {}): Promise<OpenProxy> {
  return openProxy({
    listeners: { web: { listen: '127.0.0.1:0', ...listener } },
    admin: { listen: '127.0.0.1:0' },
    state: { path: 'memory' },
    workers: 0,
    services: { app: { pools: { only: { targets: [{ url: targetUrl }] } } } },
  });
}
