import { connect, createServer } from 'node:net';
import { PlaneProcess } from '../helpers/start-plane.ts';
const MIB = 1 << 20;
const wait = (ms) => new Promise((r) => setTimeout(r, ms));
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
// target: behaviour set by global
let onRequest = (sock) => sock.write(OK);
const target = createServer({ noDelay: true }, (s) => {
  s.on('error', () => {});
  let seen = '';
  s.on('data', (d) => {
    onData(s, d);
  });
});
let onData = (s, d) => {
  s.write(OK);
};
target.listen(0, '127.0.0.1');
await new Promise((r) => target.once('listening', r));
const tp = target.address().port;
export async function plane(listener = {}, service = {}, extra = {}) {
  return PlaneProcess.start({
    listeners: { web: { listen: '127.0.0.1:0', ...listener } },
    services: {
      app: {
        pools: { only: { targets: [{ url: `http://127.0.0.1:${tp}` }] }, ...(extra.pools ?? {}) },
        split: { only: 100 },
        ...service,
      },
    },
  });
}
function open(port) {
  return new Promise((res) => {
    const s = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    s.on('error', () => {});
    s.once('connect', () => res(s));
  });
}
// send, wait for response bytes (any)
async function once(port, bytes, { pieces = 0, gap = 0, waitFor = 1 } = {}) {
  const s = await open(port);
  let got = 0;
  const first = new Promise((r) => {
    s.on('data', (d) => {
      got += d.length;
      if (got >= waitFor) r();
    });
    s.on('close', r);
    s.on('end', r);
  });
  if (!pieces) s.write(bytes);
  else if (Array.isArray(pieces)) {
    for (const p of pieces) {
      s.write(p);
      await new Promise((r) => setImmediate(r));
    }
  } else
    for (let i = 0; i < bytes.length; i += pieces) {
      s.write(bytes.subarray(i, i + pieces));
      await new Promise((r) => setImmediate(r));
      if (s.destroyed) break;
    }
  let tm;
  await Promise.race([
    first,
    new Promise((r) => {
      tm = setTimeout(() => {
        console.log('  (no answer in 5 s)');
        r();
      }, 5000);
    }),
  ]);
  clearTimeout(tm);
  const txt = got;
  s.destroy();
  return txt;
}
async function cpu(p, name, reps, per, fn) {
  for (let i = 0; i < per; i++) await fn();
  const xs = [];
  for (let r = 0; r < reps; r++) {
    const a = await p.cpuMicros();
    for (let i = 0; i < per; i++) await fn();
    const b = await p.cpuMicros();
    xs.push((b - a) / per / 1000);
  }
  xs.sort((a, b) => a - b);
  console.log(
    name.padEnd(50),
    'cpu ms median',
    xs[xs.length >> 1].toFixed(3),
    'min',
    xs[0].toFixed(3),
    'max',
    xs[xs.length - 1].toFixed(3),
  );
}
const L = (s) => Buffer.from(s, 'latin1');
const H = 'GET / HTTP/1.1\r\nHost: a.test\r\n';
const p = await plane();
await cpu(p, 'nothing (usage call)', 7, 1, async () => {});
await cpu(p, 'small GET', 7, 20, () => once(p.port, L(H + '\r\n')));
const oneField = L(H + `X-A: ${'a'.repeat(32000)}\r\n\r\n`);
await cpu(p, 'head 32K one field', 7, 10, () => once(p.port, oneField));
const lines = [];
lines.push(H);
for (let i = 0; i < 126; i++) lines.push(`X-${i}: ${'b'.repeat(240)}\r\n`);
lines.push('\r\n');
await cpu(p, 'head 32K 126 fields whole', 7, 10, () => once(p.port, L(lines.join(''))));
await cpu(p, 'head 32K 126 fields, a line per segment', 7, 5, () => once(p.port, null, { pieces: lines.map(L) }));
await cpu(p, '127 tiny fields', 7, 20, () => once(p.port, L(H + 'a:b\r\n'.repeat(126) + '\r\n')));
await cpu(p, '5000 tiny fields (431)', 7, 20, () => once(p.port, L(H + 'a:b\r\n'.repeat(5000) + '\r\n')));
const names = Array.from({ length: 120 }, (_, i) => `x${i}`);
await cpu(p, 'Connection of 30K + 120 fields', 7, 10, () =>
  once(p.port, L(H + `Connection: ${'x,'.repeat(15000)}\r\n` + names.map((n) => `${n}: y\r\n`).join('') + '\r\n')),
);
await cpu(p, 'Connection of 30K x, fields x', 7, 10, () =>
  once(p.port, L(H + `Connection: ${'x '.repeat(15000)}\r\n` + names.map((n) => `x: y\r\n`).join('') + '\r\n')),
);
await cpu(p, 'Connection of spaces around', 7, 10, () =>
  once(
    p.port,
    L(H + `Connection: ${'x' + ' '.repeat(30000) + 'x'}\r\n` + names.map((n) => `x: y\r\n`).join('') + '\r\n'),
  ),
);
await cpu(p, 'Connection x  *many spaces', 7, 10, () =>
  once(
    p.port,
    L(H + `Connection: ${('x' + ' '.repeat(120)).repeat(240)}z\r\n` + names.map((n) => `x: y\r\n`).join('') + '\r\n'),
  ),
);
await cpu(p, 'head 3000 bytes byte by byte', 5, 1, () =>
  once(p.port, L(H + `X-A: ${'a'.repeat(3000)}\r\n\r\n`), { pieces: 1 }),
);
const C = 'POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n';
onData = (s, d) => {
  if (d.includes('0\r\n\r\n')) s.write(OK);
};
await cpu(p, 'chunked 64K in 1-byte chunks', 7, 3, () => once(p.port, L(C + '1\r\nx\r\n'.repeat(65536) + '0\r\n\r\n')));
await cpu(p, 'chunked 64K in one chunk', 7, 3, () =>
  once(p.port, L(C + '10000\r\n' + 'x'.repeat(65536) + '\r\n0\r\n\r\n')),
);
await cpu(p, 'chunk ext 4000 bytes', 7, 10, () => once(p.port, L(C + `1;${'a'.repeat(4000)}\r\nx\r\n0\r\n\r\n`)));
await cpu(p, 'chunk ext 64K (bad)', 7, 10, () => once(p.port, L(C + `1;${'a'.repeat(65000)}\r\nx\r\n0\r\n\r\n`)));
await cpu(p, 'chunk 1-byte ext 4000 chunks', 7, 5, () =>
  once(p.port, L(C + `1;a\r\nx\r\n`.repeat(2000) + '0\r\n\r\n')),
);
await cpu(p, 'trailers 8000 B byte by byte (3000 seg)', 3, 1, () =>
  once(p.port, L(C + `0\r\nX: ${'y'.repeat(3000)}\r\n\r\n`), { pieces: 1 }),
);
const trl = ['0\r\n'];
for (let i = 0; i < 63; i++) trl.push(`x${i}: ${'b'.repeat(110)}\r\n`);
trl.push('\r\n');
await cpu(p, 'trailers 8000 B line by line', 3, 5, () => once(p.port, null, { pieces: [C, ...trl].map(L) }));
await p.close();
// target side
const q = await plane();
let resp = '';
let respPieces = null;
onData = async (s, d) => {
  if (respPieces) {
    for (const x of respPieces) {
      s.write(x);
      await new Promise((r) => setImmediate(r));
    }
  } else s.write(resp);
};
const g = L(H + '\r\n');
async function tcpu(name, reps, per, r, opt = {}) {
  if (Array.isArray(r)) respPieces = r.map(L);
  else {
    respPieces = null;
    resp = L(r);
  }
  await cpu(q, name, reps, per, () => once(q.port, g, { waitFor: opt.waitFor ?? 1 }));
}
await tcpu('T small', 7, 20, OK);
await tcpu('T head 64K one field', 7, 10, `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(64000)}\r\nContent-Length: 0\r\n\r\n`, {
  waitFor: 64000,
});
const tl = ['HTTP/1.1 200 OK\r\n'];
for (let i = 0; i < 250; i++) tl.push(`X-${i}: ${'b'.repeat(240)}\r\n`);
tl.push('Content-Length: 0\r\n\r\n');
await tcpu('T head 64K 250 fields', 7, 10, tl.join(''), { waitFor: 60000 });
await tcpu('T head 64K 250 fields a line per segment', 5, 3, tl, { waitFor: 60000 });
await tcpu(
  'T Connection 50K + 250 fields',
  7,
  5,
  `HTTP/1.1 200 OK\r\nConnection: ${'x,'.repeat(25000)}\r\n` +
    Array.from({ length: 250 }, (_, i) => `x${i}: y\r\n`).join('') +
    'Content-Length: 0\r\n\r\n',
  { waitFor: 1 },
);
await tcpu(
  'T Connection spaces',
  7,
  5,
  `HTTP/1.1 200 OK\r\nConnection: ${('x' + ' '.repeat(240)).repeat(240)}z\r\n` +
    Array.from({ length: 250 }, (_, i) => `x: y\r\n`).join('') +
    'Content-Length: 0\r\n\r\n',
  { waitFor: 1 },
);
await tcpu(
  'T 1-byte chunks 64K',
  7,
  3,
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' + '1\r\nx\r\n'.repeat(65536) + '0\r\n\r\n',
  { waitFor: 65536 },
);
await tcpu(
  'T 1-byte chunks 1000 segments',
  5,
  1,
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', ...Array(1000).fill('1\r\nx\r\n'), '0\r\n\r\n'],
  { waitFor: 6000 },
);
await tcpu('T 1xx flood small', 7, 5, 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(1000) + OK, {
  waitFor: 1,
});
await tcpu(
  'T 1xx flood 8 x 60K',
  7,
  5,
  `HTTP/1.1 103 Early Hints\r\nLink: ${'a'.repeat(60000)}\r\n\r\n`.repeat(8) + OK,
  { waitFor: 480000 },
);
await tcpu(
  'T one-byte segments head 1000',
  5,
  1,
  [...`HTTP/1.1 200 OK\r\nX: ${'a'.repeat(1000)}\r\nContent-Length: 0\r\n\r\n`],
  { waitFor: 1000 },
);
await q.close();
target.close();
process.exit(0);
