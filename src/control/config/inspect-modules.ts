import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import type { Inspected, Inspection } from '../../modules/inspector.ts';

/** How long user code may take to load. */
const INSPECTION_MS_MAX = 10_000;

/** Beside the modules' other files, and like them TypeScript in the checkout and JavaScript in the package. */
const INSPECTOR = fileURLToPath(
  new URL(`../../modules/inspector.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url),
);

/**
 * Imports user code in a process of its own. Rejects with an `Error` that says why there is no answer: the code hung, or
 * ended the process.
 */
export function inspectModules(inspection: Inspection): Promise<Inspected> {
  const child = fork(INSPECTOR, {
    execArgv: [],
    // What user code prints must not get among the program's own output.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    timeout: INSPECTION_MS_MAX,
    killSignal: 'SIGKILL',
  });
  const answer = new Promise<Inspected>((resolve, reject) => {
    child.once('message', (inspected) => resolve(inspected as Inspected));
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const how = signal === 'SIGKILL' ? `does not load in ${INSPECTION_MS_MAX} ms` : `ends its process (code ${code})`;
      reject(new Error(how));
    });
  });
  child.send(inspection);
  return answer;
}
