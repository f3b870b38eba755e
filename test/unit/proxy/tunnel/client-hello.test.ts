import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';

import { CLIENT_HELLO_BYTES_MAX, serverNameOf } from '../../../../src/proxy/tunnel/client-hello.ts';

/** The first message of a real TLS client. */
function helloFor(servername: string, ALPNProtocols: string[] = []): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket: Socket) => {
      socket.once('data', (bytes: Buffer) => {
        resolve(bytes);
        socket.destroy();
        server.close();
      });
    });
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const client = connect({ port, host: '127.0.0.1', servername, ALPNProtocols });
      client.on('error', () => {});
      onTestFinished(() => void client.destroy());
    });
    server.on('error', reject);
  });
}

/** The same message in records of so many bytes. */
function inRecords(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    records.push(Buffer.from([22, 3, 1, part.length >> 8, part.length & 255]), part);
  }
  return Buffer.concat(records);
}

describe('the name that a TLS client asks for', () => {
  it('is read from its first message, in lower case', async () => {
    expect(serverNameOf(await helloFor('DB.Example.com', ['h2', 'http/1.1']))).toBe('db.example.com');
  });

  it('is "" where the client names none', async () => {
    expect(serverNameOf(await helloFor(''))).toBe('');
  });

  it('is not known before the whole message is there, wherever it is cut', async () => {
    const hello = await helloFor('db.example.com');
    for (let length = 0; length < hello.length; length++) expect(serverNameOf(hello.subarray(0, length))).toBeNull();
    expect(serverNameOf(Buffer.concat([hello, Buffer.from('what follows')]))).toBe('db.example.com');
  });

  it('is read from a message in several records, and not in very many', async () => {
    const hello = await helloFor('db.example.com');
    const halves = inRecords(hello, Math.ceil((hello.length - 5) / 2));
    expect(serverNameOf(halves)).toBe('db.example.com');
    for (let length = 0; length < halves.length; length++) expect(serverNameOf(halves.subarray(0, length))).toBeNull();
    expect(serverNameOf(inRecords(hello, 16))).toBe('');
  });

  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n'],
    ['PostgreSQL', '\x00\x00\x00\x08\x04\xd2\x16\x2f'],
    ['SSLv2', '\x80\x2e\x01\x00\x02'],
    ['another message of TLS', '\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00'],
    ['a record without bytes', '\x16\x03\x01\x00\x00'],
    ['a record that is too long', '\x16\x03\x01\xff\xff'],
    ['a message that is too long', '\x16\x03\x01\x40\x00\x01\xff\xff\xff'],
  ])('is "" of %s, as soon as that can be told', (_what, bytes) => {
    expect(serverNameOf(Buffer.from(bytes, 'latin1'))).toBe('');
  });

  it('is no more waited for once too much has come', () => {
    const header = Buffer.from([22, 3, 1, 0x3f, 0xff, 1, 0, 0x3f, 0xfb]);
    expect(serverNameOf(header)).toBeNull();
    expect(serverNameOf(Buffer.concat([header, Buffer.alloc(CLIENT_HELLO_BYTES_MAX)]))).toBe('');
  });

  it('is read from any bytes without an error', async () => {
    const hello = await helloFor('db.example.com');
    fc.assert(
      fc.property(fc.nat(hello.length - 1), fc.nat(255), fc.nat(hello.length), (at, value, length) => {
        const bytes = Buffer.from(hello.subarray(0, length));
        if (at < length) bytes[at] = value;
        const name = serverNameOf(bytes);
        expect(name === null || typeof name === 'string').toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
