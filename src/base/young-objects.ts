/** How V8 is to treat what lives for one request or one connection. */
import { setFlagsFromString } from 'node:v8';

/**
 * To be called when a process of the proxy begins. V8 makes what tends to live long where the old is, and learns what that
 * is from the first collections: while a process starts, almost everything. From then on connections and requests were made old,
 * and with them what they point to, for the great collection to find: a quarter of the time where many come and go.
 */
export function expectShortLives(): void {
  setFlagsFromString('--no-allocation-site-pretenuring');
}
