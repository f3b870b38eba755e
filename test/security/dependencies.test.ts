/**
 * What is installed with the program. A package that runs a script when it is installed runs it as whoever installs,
 * before anybody has looked at it: none that we need to serve may have one.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

interface Lockfile {
  readonly packages: Readonly<
    Record<string, { readonly dev?: boolean; readonly hasInstallScript?: boolean; readonly resolved?: string }>
  >;
}

const read = (name: string): unknown => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'));

/** Packages of production, be they optional, that run a script when they are installed. */
function scripted({ packages }: Lockfile): string[] {
  return Object.entries(packages).flatMap(([where, { dev = false, hasInstallScript = false }]) =>
    hasInstallScript && !dev ? [where] : [],
  );
}

it('no package that the program needs runs a script when it is installed', () => {
  expect(scripted(read('package-lock.json') as Lockfile)).toEqual([]);
});

it('one that does is seen, also where it is optional', () => {
  const packages = {
    '': {},
    'node_modules/plain': {},
    'node_modules/tool': { dev: true, hasInstallScript: true },
    'node_modules/native': { hasInstallScript: true },
    'node_modules/maybe': { optional: true, hasInstallScript: true },
  };
  expect(scripted({ packages })).toEqual(['node_modules/native', 'node_modules/maybe']);
});

it('our own package runs none where it is installed', () => {
  const { scripts } = read('package.json') as { scripts: Readonly<Record<string, string>> };
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) expect(scripts).not.toHaveProperty(name);
});

it('every package comes from the registry, by its checksum', () => {
  const { packages } = read('package-lock.json') as Lockfile;
  const elsewhere = Object.entries(packages).filter(
    ([where, { resolved }]) => where !== '' && !resolved?.startsWith('https://registry.npmjs.org/'),
  );
  expect(elsewhere).toEqual([]);
});
