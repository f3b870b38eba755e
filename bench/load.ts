import type { Children } from './children.ts';

/** What is asked of a proxy, in closed loop: each client asks again when it has its answer. */
export interface Load {
  readonly kind: 'http' | 'http2' | 'websocket';
  /** Clients at once. */
  readonly connections: number;
  /** Of HTTP. */
  readonly path: string;
  /** Bytes of a body that each request brings; 0: a GET. */
  readonly uploadBytes: number;
  /** Each request on a connection of its own. */
  readonly isClosing: boolean;
  /** Requests at once on each connection, of HTTP/2; 1 elsewhere. */
  readonly streams: number;
}

export interface LoadTask {
  readonly load: Load;
  /** "http://127.0.0.1:8080" */
  readonly origin: string;
  readonly seconds: number;
  readonly children: Children;
  readonly core: number;
  /** An empty folder. */
  readonly folder: string;
}

export interface LoadResult {
  /** Answered 2xx or 3xx; of WebSocket, messages that came back. */
  readonly requests: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Anything else: other answers, connections that failed, timeouts. */
  readonly failed: number;
}

export interface LoadGenerator {
  readonly name: string;
  /** Whether it can make such a load. */
  suits(load: Load): boolean;
  run(task: LoadTask): Promise<LoadResult>;
}

/** What a program says until it ends; an error where it fails. */
export async function runToEnd(
  { children, core }: Pick<LoadTask, 'children' | 'core'>,
  command: string,
  args: readonly string[],
): Promise<string> {
  const child = await children.start(core, command, args);
  const code = await child.exited;
  if (code !== 0) throw new Error(`${command} ended with ${code}:\n${child.output()}`);
  return child.output();
}

export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
