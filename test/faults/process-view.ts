/** What Linux shows of processes, without asking them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** The processes that have `text` among their arguments or in their environment, but for this one. */
export function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 1 && pid !== process.pid)
    .filter(
      (pid) => readOrEmpty(`/proc/${pid}/cmdline`).includes(text) || readOrEmpty(`/proc/${pid}/environ`).includes(text),
    )
    .filter(isRunning);
}

/**
 * Whether it is there and not yet dead. A process that nobody has waited for is no longer running, but one whose first
 * thread alone has ended is: the others hold its sockets.
 */
export function isRunning(pid: number): boolean {
  return !['', 'Z', 'X'].includes(stateOf(pid)) || threadCount(pid) > 1;
}

/** The addresses at the other ends of the connections to `port` that a process holds. */
export function peersOf(pid: number, port: number): Set<string> {
  const inodes = new Set(socketInodes(pid));
  const connections = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1);
  const peers = connections.flatMap((line) => {
    const [, local = '', remote = '', , , , , , , inode = ''] = line.trim().split(/\s+/);
    return inodes.has(inode) && Number.parseInt(local.slice(-4), 16) === port ? [addressOf(remote)] : [];
  });
  return new Set(peers.filter((address) => address !== '0.0.0.0'));
}

/** Whether there are connections to `port` that the kernel has let in, or is about to, and that nobody has accepted. */
export function hasUnaccepted(port: number): boolean {
  const connections = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1);
  return connections.some((line) => {
    const [, local = '', , state, queues = ''] = line.trim().split(/\s+/);
    if (Number.parseInt(local.slice(-4), 16) !== port) return false;
    // Of a listener, the second number is the length of its line (proc_net_tcp.txt).
    return state === SYN_RECEIVED || (state === LISTENS && !queues.endsWith(':00000000'));
  });
}

const SYN_RECEIVED = '03';
const LISTENS = '0A';

/** Stops a process where it is; from the return of this call on it does nothing any more. */
export function freeze(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  spinUntil(() => ['T', 'Z', 'X', ''].includes(stateOf(pid)), `process ${pid} was not stopped`);
}

/** Kills it with SIGKILL; when this call returns, its sockets are closed. */
export function killNow(pid: number): void {
  process.kill(pid, 'SIGKILL');
  spinUntil(() => !isRunning(pid), `process ${pid} was not killed`);
}

/** `text` in the way of /proc/net/tcp: "0100007F:1F90", the bytes of the address in the order of the machine. */
function addressOf(text: string): string {
  const bytes = text.slice(0, 8).match(/../g) ?? [];
  return bytes
    .toReversed()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

function socketInodes(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    const [, inode] = /^socket:\[(\d+)\]$/.exec(readLinkOrEmpty(`/proc/${pid}/fd/${fd}`)) ?? [];
    return inode === undefined ? [] : [inode];
  });
}

/** One letter (proc(5)); "": there is none. */
function stateOf(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).charAt(0);
}

function threadCount(pid: number): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length;
  } catch {
    return 0;
  }
}

/** Without giving way: nothing that this process does may come between. */
function spinUntil(isSo: () => boolean, failure: string): void {
  const deadline = performance.now() + 5_000;
  while (!isSo()) if (performance.now() > deadline) throw new Error(failure);
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
}

function readLinkOrEmpty(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}
