import { onTestFinished } from 'vitest';
import { Backend, type BackendManner } from './backend.ts';

/** An application of this version for the running test. */
export async function startBackend(version: string, manner: BackendManner = {}): Promise<Backend> {
  const backend = await Backend.start(version, manner);
  onTestFinished(() => backend.close());
  return backend;
}
