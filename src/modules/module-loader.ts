/**
 * Imports modules of user code from the text that the primary read, not from the file: however late a worker starts, it
 * runs what all the others run, also where the file has been edited since. What such a module imports itself comes from
 * the file system as ever, and stays loaded as it was for as long as the process lives.
 */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

import { moduleId } from '../base/function-reference.ts';
import type { UserModule } from '../snapshot/data-plane.ts';

export class ModuleLoader {
  /** Text of modules that are being imported, by URL. */
  readonly #sources = new Map<string, UserModule>();
  #hooks: ReturnType<typeof registerHooks> | null = null;

  /** The module's exports. Rejects with whatever the module throws. */
  async load(module: UserModule): Promise<Readonly<Record<string, unknown>>> {
    this.#hooks ??= this.#register();
    const url = `${pathToFileURL(module.file).href}?v=${module.version}`;
    this.#sources.set(url, module);
    return (await import(/* @vite-ignore */ url)) as Record<string, unknown>;
  }

  /** No more is loaded; what was loaded stays in memory, for modules cannot be unloaded. */
  close(): void {
    this.#hooks?.deregister();
    this.#hooks = null;
    this.#sources.clear();
  }

  #register(): ReturnType<typeof registerHooks> {
    return registerHooks({
      load: (url, context, next) => {
        const module = this.#sources.get(url);
        if (module === undefined) return next(url, context);
        const format = isTypeScript(module.file) ? 'module-typescript' : 'module';
        return { format, source: module.source, shortCircuit: true };
      },
    });
  }
}

export function isTypeScript(file: string): boolean {
  return file.endsWith('.ts') || file.endsWith('.mts');
}

/** What went wrong in a module, with the line where that is known. */
export function loadFailure(error: unknown, { file, version }: Pick<UserModule, 'file' | 'version'>): string {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  const id = moduleId(pathToFileURL(file).href, version);
  const at = stack.indexOf(`${id}:`);
  const line = at < 0 ? null : /^\d+/.exec(stack.slice(at + id.length + 1));
  return `${file} does not load${line === null ? '' : ` (line ${line[0]})`}: ${message}`;
}
