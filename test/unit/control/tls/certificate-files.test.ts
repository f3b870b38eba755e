import { generateKeyPairSync } from 'node:crypto';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

import { readCertificates } from '../../../../src/control/tls/certificate-files.ts';
import { createAuthority, type Issued } from '../../../helpers/certificates.ts';
import { temporaryFolder } from '../../../helpers/temporary-folder.ts';

const authority = createAuthority();
const issued = authority.issue({ names: ['dns:Shop.test', 'dns:*.shop.test', 'ip:127.0.0.1'] });
const other = authority.issue({ names: ['dns:other.test'] });
const DAY_MS = 86_400_000;

function read(
  files: Readonly<Record<string, string>>,
  pair: { cert: string; key: string } = { cert: 'c.pem', key: 'k.pem' },
) {
  const listeners = { web: { listen: '127.0.0.1:0', protocol: 'https' as const, tls: { certificates: [pair] } } };
  return readCertificates({ listeners }, temporaryFolder(files), Date.now());
}

const filesOf = ({ cert, key }: Issued) => ({ 'c.pem': cert, 'k.pem': key });

describe('the certificates of listeners', () => {
  it('are read from the folder of the configuration, and known by the names of hosts in them', async () => {
    const { certificates, problems, warnings } = await read(filesOf(issued));
    expect(problems).toEqual([]);
    expect(warnings).toEqual([]);
    expect(certificates).toEqual({ web: [{ names: ['shop.test', '*.shop.test'], ...issued }] });
  });

  it('may stand anywhere, and be followed by those that lead to their authority', async () => {
    const folder = temporaryFolder({ 'c.pem': issued.cert + authority.cert, 'k.pem': issued.key });
    const pair = { cert: path.join(folder, 'c.pem'), key: path.join(folder, 'k.pem') };
    expect((await read({}, pair)).problems).toEqual([]);
  });

  it('are none where no listener speaks TLS', async () => {
    const listeners = { web: { listen: '127.0.0.1:0' } };
    const nothing = { certificates: {}, problems: [], warnings: [] };
    expect(await readCertificates({ listeners }, '/', 0)).toEqual(nothing);
  });

  const encrypted = String(
    generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
      cipher: 'aes-256-cbc',
      passphrase: 'secret',
    }),
  );

  it.each([
    ['cert', 'is not there', { 'k.pem': issued.key }, /^there is no such file: "c\.pem"$/],
    ['key', 'is not there', { 'c.pem': issued.cert }, /^there is no such file: "k\.pem"$/],
    ['cert', 'is empty', { ...filesOf(issued), 'c.pem': '' }, /^has no certificate in it \(PEM\): "c\.pem"$/],
    ['cert', 'is the key', { ...filesOf(issued), 'c.pem': issued.key }, /^has no certificate in it/],
    ['cert', 'is cut off', { ...filesOf(issued), 'c.pem': issued.cert.slice(0, -30) }, /^has no certificate in it/],
    [
      'cert',
      'has an issuer that is cut off',
      { ...filesOf(issued), 'c.pem': issued.cert + authority.cert.slice(0, -30) },
      /^has a certificate that does not end/,
    ],
    ['key', 'is the certificate', { ...filesOf(issued), 'k.pem': issued.cert }, /^has no private key in it/],
    [
      'key',
      'is of another one',
      { ...filesOf(issued), 'k.pem': other.key },
      /^is not the key of the first certificate/,
    ],
    [
      'key',
      'is encrypted',
      { ...filesOf(issued), 'k.pem': encrypted },
      /^has a private key that is encrypted; give it/,
    ],
    ['cert', 'is no text', { ...filesOf(issued), 'c.pem': 'x'.repeat(300_000) }, /^is longer than the 262144 bytes/],
  ])('with a %s that %s are a problem with its place, and without what it holds', async (field, _why, files, said) => {
    const { certificates, problems } = await read(files as Record<string, string>);
    expect(problems).toEqual([
      { path: `/listeners/web/tls/certificates/0/${field}`, message: expect.stringMatching(said) },
    ]);
    expect(certificates).toEqual({ web: [] });
    expect(JSON.stringify(problems)).not.toMatch(/PRIVATE|MII|MHc/);
  });

  it('that are not valid now are used, with a warning', async () => {
    const [past, coming] = [new Date(Date.now() - DAY_MS), new Date(Date.now() + DAY_MS)];
    const expired = await read(filesOf(authority.issue({ names: ['dns:a.test'], validTo: past })));
    const early = await read(filesOf(authority.issue({ names: ['dns:a.test'], validFrom: coming })));
    expect([expired.problems, early.problems]).toEqual([[], []]);
    const at = '/listeners/web/tls/certificates/0/cert';
    expect(expired.warnings).toEqual([{ path: at, message: expect.stringMatching(/^has expired on .*: "c\.pem"$/) }]);
    expect(early.warnings).toEqual([{ path: at, message: expect.stringMatching(/^is not valid before /) }]);
  });
});
