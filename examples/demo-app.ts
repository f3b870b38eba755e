/**
 * A small web application in two versions, for trying the proxy out: `node examples/demo-app.ts --name blue
 * --version 1.4.0 --port 3001`.
 *
 *   /              says which version answers: a page for browsers, a line for everybody else
 *   /healthz       200 ok
 *   /slow?ms=2000  answers after so long, at most a minute
 *   /stream        a line every 200 ms; ?lines=50 says how many
 *   /headers       the request as it arrived here, as JSON
 */
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

const SLOW_MS_DEFAULT = 1000;
const SLOW_MS_MAX = 60_000;
const STREAM_LINES_DEFAULT = 10;
const STREAM_LINES_MAX = 10_000;
const STREAM_GAP_MS = 200;

interface App {
  readonly name: string;
  readonly version: string;
}

const { values } = parseArgs({
  options: {
    name: { type: 'string', default: 'blue' },
    version: { type: 'string', default: '1.0.0' },
    port: { type: 'string', default: '3001' },
  },
});
const app: App = { name: values.name, version: values.version };

const server = createServer((request, response) => {
  // A client that leaves in the middle ends its own request and nothing else.
  answer(app, request, response).catch(() => response.destroy());
});
server.once('error', (error: NodeJS.ErrnoException) => {
  console.error(`${app.name} cannot listen on 127.0.0.1:${values.port}: ${error.message}`);
  process.exit(1);
});
server.listen(Number(values.port), '127.0.0.1', () => {
  if (process.send === undefined) console.log(`${app.name} ${app.version} on http://127.0.0.1:${values.port}`);
  else process.send('listening');
});
endWith(server);

async function answer(app: App, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://demo.invalid');
  switch (url.pathname) {
    case '/':
      return answerHello(app, request, response);
    case '/healthz':
      return answerText(response, 200, 'ok\n');
    case '/slow':
      await sleep(countOf(url, 'ms', SLOW_MS_DEFAULT, SLOW_MS_MAX));
      return answerText(response, 200, `A slow hello from ${app.name} ${app.version}\n`);
    case '/stream':
      return answerStream(app, countOf(url, 'lines', STREAM_LINES_DEFAULT, STREAM_LINES_MAX), response);
    case '/headers':
      return answerHeaders(app, request, response);
    default:
      return answerText(response, 404, `${app.name} ${app.version} has nothing at ${url.pathname}\n`);
  }
}

function answerHello(app: App, request: IncomingMessage, response: ServerResponse): void {
  const isBrowser = request.headers.accept?.includes('text/html') ?? false;
  if (!isBrowser) return answerText(response, 200, `Hello from ${app.name} ${app.version}\n`);
  const [name, version] = [escapeHtml(app.name), escapeHtml(app.version)];
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' });
  response.end(
    `<!doctype html><html lang="en"><title>${name} ${version}</title>` +
      `<body style="margin:0;height:100vh;display:grid;place-items:center;background:${name};color:white;` +
      `font:600 2.5rem system-ui">Hello from ${name} ${version}</body></html>\n`,
  );
}

function answerText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

async function answerStream(app: App, lines: number, response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  for (let line = 1; line <= lines && !response.destroyed; line++) {
    response.write(`${app.name} ${app.version} line ${line} of ${lines}\n`);
    if (line < lines) await sleep(STREAM_GAP_MS);
  }
  response.end();
}

function answerHeaders(app: App, request: IncomingMessage, response: ServerResponse): void {
  const { method, url, headers } = request;
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ app, method, url, headers }, null, 2)}\n`);
}

/** What the query asks for, if it is a sensible count. */
function countOf(url: URL, name: string, fallback: number, max: number): number {
  const asked = Number(url.searchParams.get(name) ?? fallback);
  return Number.isInteger(asked) && asked >= 0 ? Math.min(asked, max) : fallback;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** Ends on a signal, finishing what is under way; started by another process, ends with that one. */
function endWith(server: Server): void {
  const end = (): void => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  };
  process.once('SIGTERM', end);
  if (process.send === undefined) {
    process.once('SIGINT', end);
  } else {
    // Ctrl-C reaches every process of a terminal at once; the one that started this one says when its turn is.
    process.on('SIGINT', () => {});
    process.once('disconnect', () => process.exit(0));
  }
}
