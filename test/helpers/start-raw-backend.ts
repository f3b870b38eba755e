import { onTestFinished } from 'vitest';
import { RawBackend, type RawAnswers } from './raw-backend.ts';

/** A scripted target for the running test. */
export async function startRawBackend(answers: RawAnswers): Promise<RawBackend> {
  const backend = await RawBackend.start(answers);
  onTestFinished(() => backend.close());
  return backend;
}
