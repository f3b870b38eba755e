import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkErrorPages } from '../../../../src/control/config/check-error-pages.ts';
import { loadConfig } from '../../../../src/control/config/load.ts';
import type { ServiceDocument } from '../../../../src/schema/service.ts';

type Pages = Pick<ServiceDocument, 'errorPages' | 'interceptErrors'>;

const check = (pages: Pages) => checkErrorPages({ pools: { main: {} }, ...pages });

describe('error pages', () => {
  it.each<[Pages]>([
    [{}],
    [{ errorPages: { 503: { html: '<style>a{color:red}</style><script>const {a}=b; {return}</script>{requestId}' } } }],
    [
      {
        errorPages: { '5xx': { json: '{"error":"{reason}","at":{"id":"{requestId}"}}' } },
        interceptErrors: [500, 599],
      },
    ],
  ])('may be %j', (pages) => {
    expect(check(pages)).toEqual([]);
  });

  it.each<[string, string, Pages]>([
    ['/errorPages/503', 'has no page', { errorPages: { 503: {} } }],
    ['/errorPages/503/text', 'did you mean "{requestId}"', { errorPages: { 503: { text: '{requestID}' } } }],
    ['/errorPages/503/json', 'must be JSON', { errorPages: { 503: { json: '{"id":{requestId}}' } } }],
    ['/errorPages/503/html', 'only in a configuration file', { errorPages: { 503: { html: 'file:/etc/shadow' } } }],
    ['/interceptErrors/1', 'has no page', { errorPages: { '5xx': { text: 'x' } }, interceptErrors: [500, 404] }],
  ])('have a problem at %s: %s', (at, words, pages) => {
    expect(check(pages)).toMatchObject([{ path: at, message: expect.stringContaining(words) }]);
  });
});

describe('a configuration file', () => {
  async function load(page: string, files: Readonly<Record<string, string | Uint8Array>>) {
    const folder = mkdtempSync(path.join(tmpdir(), 'cutover-pages-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const [name, content] of Object.entries(files)) writeFileSync(path.join(folder, name), content);
    const file = path.join(folder, 'cutover.yaml');
    const text = `listeners: { web: { listen: "127.0.0.1:0" } }\nservices:\n  app:\n    pools: { main: {} }\n    errorPages:\n      "503": { html: "${page}" }\n`;
    writeFileSync(file, text);
    return loadConfig(file);
  }

  it('may name the files of its pages', async () => {
    const { config } = await load('file:sorry.html', { 'sorry.html': '<p>Später: {requestId}' });
    expect(config?.services?.['app']?.errorPages).toEqual({ 503: { html: '<p>Später: {requestId}' } });
  });

  it.each<[string, string, Record<string, string | Uint8Array>]>([
    ['file:gone.html', 'there is no such file: "gone.html"', {}],
    ['file:.', 'is a folder', {}],
    ['file:a.html', 'is not text in UTF-8', { 'a.html': Uint8Array.of(0xff, 0xfe) }],
    ['file:a.html', 'is longer than the 65536 characters', { 'a.html': 'x'.repeat(200_000) }],
    ['file:a.html', 'must have at most 65536 characters', { 'a.html': 'x'.repeat(65_537) }],
    ['file:a.html', 'must have at least 1 characters', { 'a.html': '' }],
    ['file:a.html', 'did you mean "{status}"', { 'a.html': '{statuss}' }],
    ['file:a.html', 'only in a configuration file', { 'a.html': 'file:/etc/shadow' }],
  ])('has a problem with %s: %s', async (page, words, files) => {
    const { problems } = await load(page, files);
    expect(problems).toMatchObject([
      { path: '/services/app/errorPages/503/html', line: 6, message: expect.stringContaining(words) },
    ]);
  });
});
