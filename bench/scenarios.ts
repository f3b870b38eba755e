import type { Setting } from './contender.ts';
import type { Load } from './load.ts';
import type { LoadScenario, Scenario, ScriptScenario } from './scenario.ts';

const USUAL = { isUsual: true };
const LATENCIES = { hasLatencies: true };
const RAW = { backend: 'raw' } as const;
const HTTP: Setting = { entry: 'http' };
const HTTPS: Setting = { entry: 'https' };
const TCP: Setting = { entry: 'tcp' };
const CLOSING = { isClosing: true };

/** What is asked where nothing else is said. */
export const SMALL_GET: Load = {
  kind: 'http',
  connections: 64,
  path: '/',
  uploadBytes: 0,
  isClosing: false,
  streams: 1,
};

/** Whatever is asked of a proxy here, by name. */
export const SCENARIOS: readonly Scenario[] = [
  load('small-1', 'small GET, one kept connection', HTTP, { connections: 1 }),
  load('small-64', 'small GET, 64 kept connections', HTTP, {}, { ...USUAL, ...LATENCIES }),
  load('small-1000', 'small GET, 1,000 kept connections', HTTP, { connections: 1_000 }),
  load('10k', '10 KiB response', HTTP, { path: '/bytes/10240' }, { ...USUAL, ...LATENCIES }),
  load('1m', '1 MiB response, 16 connections', HTTP, { path: '/bytes/1048576', connections: 16 }, USUAL),
  load(
    'upload-1m',
    '1 MiB upload, 16 connections',
    HTTP,
    { uploadBytes: 1_048_576, connections: 16 },
    { ...USUAL, ...RAW },
  ),
  load('chunked', 'response of 8 chunks of 1 KiB', HTTP, { path: '/chunked' }, RAW),
  load('new-connection', 'new connection for each request', HTTP, CLOSING, USUAL),
  load('tls-64', 'small GET over TLS, 64 kept connections', HTTPS, {}, { ...USUAL, ...LATENCIES }),
  load('tls-new', 'new TLS connection for each request, sessions resumed', HTTPS, CLOSING),
  load(
    'h2',
    'small GET by HTTP/2, 16 connections × 8 streams',
    { entry: 'https', http2: true },
    { kind: 'http2', connections: 16, streams: 8 },
    USUAL,
  ),
  load(
    'websocket',
    'WebSocket echo of 64 bytes',
    { ...HTTP, websocket: true },
    { kind: 'websocket' },
    { ...USUAL, ...RAW },
  ),
  load('tcp', 'bytes of small GETs, 64 kept connections', TCP, {}, { ...USUAL, ...LATENCIES }),
  load('tcp-new', 'bytes of small GETs, each on a new connection', TCP, CLOSING),
  load('tcp-1m', 'bytes of 1 MiB responses, 16 connections', TCP, { path: '/bytes/1048576', connections: 16 }),
  several(
    'services',
    'small GET to the last of many services',
    [
      ['10 services', { ...HTTP, services: 10 }],
      ['10,000 services', { ...HTTP, services: 10_000 }],
    ],
    USUAL,
  ),
  several(
    'targets',
    'small GET to a pool of many targets',
    [
      ['10 targets', { ...HTTP, targets: 10 }],
      ['1,000 targets', { ...HTTP, targets: 1_000 }],
    ],
    USUAL,
  ),
  several('rules', 'small GET that matches none of many rules', [
    ['no rule', HTTP],
    ['1,000 rules', { ...HTTP, rules: 1_000 }],
  ]),
  several('mirror', 'small GET, a tenth of them copied to a shadow', [
    ['no mirror', HTTP],
    ['mirror of 10 %', { ...HTTP, mirrorPercent: 10 }],
  ]),
  several('access-log', 'small GET, written to an access log', [
    ['no log', HTTP],
    ['access log', { ...HTTP, accessLog: true }],
  ]),
  script(
    'idle-clients',
    'memory of idle clients, 10,000 where they may',
    'idle-clients.ts --clients 10000 --more 1',
    USUAL,
  ),
  script('million', 'memory over a million requests', 'million.ts', USUAL),
  script('flips', 'a cutover each 100 ms under load', 'flips.ts --services 10 --flips 100 --every 100'),
  script('flips-1000', '1,000 cutovers in a row under load', 'flips.ts --services 10 --flips 1000', USUAL),
  script('flips-10000', 'cutovers of one of 10,000 services', 'flips.ts --services 10000 --flips 200', USUAL),
  script('workers', 'two workers against one', 'workers.ts', USUAL),
];

type Choice = Partial<Pick<LoadScenario, 'isUsual' | 'hasLatencies' | 'backend'>>;

function load(name: string, title: string, setting: Setting, asked: Partial<Load>, choice: Choice = {}): LoadScenario {
  return withSettings(name, title, [['', setting]], asked, choice);
}

/** What a setting costs is seen next to the same contender without it, in the same rounds. */
function several(name: string, title: string, settings: LoadScenario['settings'], choice: Choice = {}): LoadScenario {
  return withSettings(name, title, settings, {}, choice);
}

function withSettings(
  name: string,
  title: string,
  settings: LoadScenario['settings'],
  asked: Partial<Load>,
  choice: Choice,
): LoadScenario {
  const rest = { isUsual: false, hasLatencies: false, backend: 'fast' } as const;
  return { ...rest, kind: 'load', name, title, settings, load: { ...SMALL_GET, ...asked }, ...choice };
}

function script(name: string, title: string, command: string, { isUsual } = { isUsual: false }): ScriptScenario {
  const [file = '', ...args] = command.split(' ');
  return { kind: 'script', name, title, isUsual, script: file, args };
}
