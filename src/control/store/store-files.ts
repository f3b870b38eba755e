import path from 'node:path';

/** What lies in the folder of an embedded store, as absolute paths. Nothing else in it is ours. */
export interface StoreFiles {
  readonly folder: string;
  /** The store; SQLite keeps "-wal" and "-shm" beside it for as long as it is open. */
  readonly database: string;
  /** The last generation that was acknowledged. Named like the database: where one goes, so must the other. */
  readonly mark: string;
  /** Any of the databases until it is whole. */
  readonly draft: string;
  readonly lastGood: string;
  /** The store as it was before a migration, by the schema that it had. */
  readonly ofSchema: (version: number) => string;
  /** Which targets were down. */
  readonly health: string;
  readonly healthDraft: string;
  /** Locked by the process that uses the store; always empty. */
  readonly lock: string;
  /** Which process that is. */
  readonly holder: string;
}

export function storeFiles(folder: string): StoreFiles {
  const root = path.resolve(folder);
  const at = (name: string): string => path.join(root, name);
  return {
    folder: root,
    database: at('store.db'),
    mark: at('store.db-mark'),
    draft: at('draft.db'),
    lastGood: at('last-good.db'),
    ofSchema: (version) => at(`schema-${version}.db`),
    health: at('health.json'),
    healthDraft: at('health.json-draft'),
    lock: at('store.lock'),
    holder: at('store.pid'),
  };
}

const OURS =
  /^(?:(?:store|draft|last-good|schema-\d+)\.db(?:-(?:wal|shm|journal|mark))?|store\.(?:lock|pid)|health\.json(?:-draft)?)$/;

/** Whether a file of that name is the store's own. */
export function isStoreFile(name: string): boolean {
  return OURS.test(name);
}
