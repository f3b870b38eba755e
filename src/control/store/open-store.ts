import { MemoryStore } from './memory-store.ts';
import { SqliteStore, type SqliteStoreOptions } from './sqlite-store.ts';
import type { Store } from './store.ts';

/** The path that stands for none. */
export const MEMORY = 'memory';

/**
 * The store that `state.path` of the configuration names: a folder, or "memory" for one that keeps nothing.
 * Rejects with a `StoreError` whose message tells the operator what is wrong, where, and what would help.
 */
export async function openStore(path: string, options: SqliteStoreOptions): Promise<Store> {
  return path === MEMORY ? new MemoryStore() : SqliteStore.open(path, options);
}
