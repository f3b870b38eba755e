/** Who the client is, as the proxy in front of us tells it, and as the targets are told. */
import { describe, expect, it } from 'vitest';

import { eventually } from '../helpers/eventually.ts';
import { manualClock } from '../helpers/manual-clock.ts';
import { startTcpPlane, tcpService } from '../helpers/tcp-plane.ts';
import { TcpClient } from '../helpers/tcp-client.ts';
import { greeting, startTcpTarget, type TcpTarget } from '../helpers/tcp-target.ts';

const BEHIND = 'PROXY TCP4 203.0.113.9 198.51.100.1 51000 5432\r\n';

/** A target that keeps what it hears. */
async function startListening(): Promise<{ target: TcpTarget; heard: () => string }> {
  const chunks: Buffer[] = [];
  const target = await startTcpTarget((socket) => {
    socket.on('data', (bytes: Buffer) => chunks.push(bytes)).on('end', () => socket.end('bye'));
  });
  return { target, heard: () => Buffer.concat(chunks).toString('latin1') };
}

describe('a target', () => {
  it('is told by a header in front of everything, which is not counted', async () => {
    const { target, heard } = await startListening();
    const plane = await startTcpPlane(tcpService([target.url], { proxyProtocol: 'v1' }));
    const client = await TcpClient.connect(plane.port);
    const { localPort } = client.socket;
    client.socket.end('hello');
    await client.hears('bye');
    expect(heard()).toBe(`PROXY TCP4 127.0.0.1 127.0.0.1 ${localPort} ${plane.port}\r\nhello`);
    expect(await plane.settled()).toEqual({ accepted: 1, completed: 1 });
    expect(await plane.pool('blue')).toMatchObject({ passed: { client: 5, target: 3 } });
  });

  it('is told also where its client says nothing before it hears something', async () => {
    const { target, heard } = await startListening();
    const plane = await startTcpPlane(tcpService([target.url], { proxyProtocol: 'v2' }));
    const client = await TcpClient.connect(plane.port);
    await eventually(() => expect(heard()).toHaveLength(28));
    expect(heard().startsWith('\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x7f\0\0\x01\x7f\0\0\x01')).toBe(true);
    client.close();
  });

  it('is told by both what the proxy in front has told', async () => {
    const { target, heard } = await startListening();
    const plane = await startTcpPlane(tcpService([target.url], { proxyProtocol: 'v1' }), {
      trustedProxies: ['127.0.0.0/8'],
      listener: { proxyProtocol: true },
    });
    const client = await TcpClient.connect(plane.port);
    client.socket.end(`${BEHIND}hello`);
    await client.hears('bye');
    expect(heard()).toBe(`${BEHIND}hello`);
  });
});

describe('a listener behind a proxy', () => {
  async function startBehind(trustedProxies: readonly string[]) {
    const [blue, green] = [await startTcpTarget(greeting('blue')), await startTcpTarget(greeting('green'))];
    const clock = manualClock();
    const plane = await startTcpPlane(
      {
        pools: { blue: { targets: [{ url: blue.url }] }, green: { targets: [{ url: green.url }] } },
        split: { blue: 100 },
        rules: [{ name: 'office', when: { clientIp: ['203.0.113.0/24'] }, pool: 'green' }],
      },
      { clock, trustedProxies, listener: { proxyProtocol: true } },
    );
    return { plane, clock };
  }

  it('believes those that are trusted, in one piece or many', async () => {
    const { plane } = await startBehind(['127.0.0.1/32']);
    const whole = await TcpClient.connect(plane.port);
    whole.send(`${BEHIND}hello`);
    await whole.hears('green\nhello');
    const pieces = await TcpClient.connect(plane.port);
    for (const character of `${BEHIND}hello`) {
      pieces.send(character);
      await new Promise(setImmediate);
    }
    await pieces.hears('green\nhello');
    const forNobody = await TcpClient.connect(plane.port);
    forNobody.send('PROXY UNKNOWN\r\n');
    await forNobody.hears('blue\n');
    for (const client of [whole, pieces, forNobody]) client.socket.end();
    expect(await plane.settled()).toEqual({ accepted: 3, completed: 3 });
  });

  it('passes on what anybody else says', async () => {
    const { plane } = await startBehind(['198.51.100.0/24']);
    const client = await TcpClient.connect(plane.port);
    client.send(BEHIND);
    await client.hears(`blue\n${BEHIND}`);
    client.close();
  });

  it('resets those that are trusted and say something else, nothing, or not all', async () => {
    const { plane, clock } = await startBehind(['127.0.0.1/32']);
    const wrong = await TcpClient.connect(plane.port);
    wrong.send('GET / HTTP/1.1\r\n');
    expect(await wrong.end()).toBe('reset');
    const ended = await TcpClient.connect(plane.port);
    ended.socket.end('PROXY ');
    expect(await ended.end()).toBe('reset');
    const [silent, slow] = [await TcpClient.connect(plane.port), await TcpClient.connect(plane.port)];
    slow.send('PROXY TCP4');
    await eventually(async () => expect(await plane.connections()).toMatchObject({ active: 2 }));
    clock.advance(6_000);
    expect([await silent.end(), await slow.end()]).toEqual(['reset', 'reset']);
    expect(await plane.settled()).toEqual({ accepted: 4, completed: 3, clientAborted: 1 });
    expect((await plane.plane.report()).listeners[0]?.refused).toEqual({
      malformed_request: 1,
      client_closed: 1,
      request_head_timeout: 2,
    });
    await eventually(async () => expect(await plane.connections()).toEqual({ idle: 0, active: 0, tunnel: 0 }));
  });
});
