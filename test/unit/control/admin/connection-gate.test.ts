import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';

import type { AdminHttp } from '../../../../src/control/admin/admin-http.ts';
import {
  ADDRESS_CONNECTIONS_MAX,
  ADMIN_CONNECTIONS_MAX,
  ConnectionGate,
  WAITING_CONNECTIONS_MAX,
} from '../../../../src/control/admin/connection-gate.ts';

class FakeSocket extends EventEmitter {
  readonly remoteAddress: string | undefined;
  isDestroyed = false;

  constructor(remoteAddress: string | undefined) {
    super();
    this.remoteAddress = remoteAddress;
  }

  resume(): void {}

  destroy(): void {
    if (this.isDestroyed) return;
    this.isDestroyed = true;
    this.emit('close');
  }
}

function start() {
  const served: FakeSocket[] = [];
  const server = new EventEmitter();
  server.on('connection', (socket: FakeSocket) => served.push(socket));
  const gate = new ConnectionGate({ server, isTls: false } as unknown as AdminHttp);
  const enter = (remoteAddress: string | undefined, times = 1): FakeSocket[] =>
    Array.from({ length: times }, () => {
      const socket = new FakeSocket(remoteAddress);
      gate.enter(socket as unknown as Socket);
      return socket;
    });
  return { gate, enter, served };
}

describe('the gate', () => {
  it('serves so many connections, lets so many wait, and closes the rest at once', () => {
    const { gate, enter, served } = start();
    enter('127.0.0.1', ADMIN_CONNECTIONS_MAX);
    expect([served.length, gate.isCrowded]).toEqual([ADMIN_CONNECTIONS_MAX, false]);
    const waiting = enter('127.0.0.1', WAITING_CONNECTIONS_MAX);
    const [late] = enter('127.0.0.1');
    expect([served.length, gate.isCrowded, late?.isDestroyed]).toEqual([ADMIN_CONNECTIONS_MAX, true, true]);
    served[0]?.destroy();
    expect(served.at(-1)).toBe(waiting[0]);
  });

  it.each(['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1'])(
    'leaves room beside %s, however often that comes',
    (address) => {
      const { enter, served } = start();
      enter(address, ADMIN_CONNECTIONS_MAX);
      expect(served).toHaveLength(ADDRESS_CONNECTIONS_MAX);
      const [other] = enter('192.0.2.99');
      expect(served.at(-1)).toBe(other);
      // Whoever waits behind one of its own goes on waiting when somebody else leaves.
      other?.destroy();
      expect(served).toHaveLength(ADDRESS_CONNECTIONS_MAX + 1);
      served[0]?.destroy();
      expect(served.at(-1)?.remoteAddress).toBe(address);
    },
  );

  it.each(['127.0.0.1', '::1', '::ffff:127.0.0.1', undefined])('gives this machine (%s) all the room', (address) => {
    const { enter, served } = start();
    enter(address, ADMIN_CONNECTIONS_MAX);
    expect(served).toHaveLength(ADMIN_CONNECTIONS_MAX);
  });
});
