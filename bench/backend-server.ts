/** A backend for machines without nginx: it answers each request head with the same bytes, and does nothing else. */
import { createServer } from 'node:net';

const BODY = 'Hello from the backend\n';
const ANSWER = `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
const HEAD_END = '\r\n\r\n';

const port = Number(process.argv[2]);
createServer({ noDelay: true }, (socket) => {
  let rest = '';
  socket.setEncoding('latin1');
  socket.on('data', (text: string) => {
    const heads = (rest + text).split(HEAD_END);
    rest = heads.pop() ?? '';
    if (heads.length > 0) socket.write(ANSWER.repeat(heads.length), 'latin1');
  });
  socket.on('error', () => {});
}).listen(port, '127.0.0.1');
