import { readFile } from 'node:fs/promises';
import { findPackageJSON } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Child } from '../children.ts';
import type { Contender, Feature, Place } from '../contender.ts';

/** What a server script beside this file is told, as JSON in its only argument. */
export interface ServerTask {
  readonly port: number;
  /** "127.0.0.1:8080" */
  readonly target: string;
  /** Paths of PEM files, where it is to speak TLS. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

/** A proxy that is a package for Node, run by a script of a few lines as its users write it. */
export function nodeServer(name: string, script: string, features: readonly Feature[]): Contender {
  return {
    name,
    isNative: false,
    async probe() {
      const manifest = findPackageJSON(name, import.meta.url);
      if (manifest === undefined) return { missing: 'not installed; `npm ci` brings it' };
      const { version } = JSON.parse(await readFile(manifest, 'utf8')) as { version: string };
      return { version, features };
    },
    start: (place) => startServer(script, place),
  };
}

export function startServer(
  script: string,
  { children, core, port, targets, certificate, setting }: Place,
): Promise<Child> {
  const tls = setting.entry === 'https' ? certificate : null;
  const task: ServerTask = { port, target: targets[0] ?? '', tls };
  const file = fileURLToPath(new URL(`./${script}`, import.meta.url));
  return children.start(core, process.execPath, [file, JSON.stringify(task)]);
}
