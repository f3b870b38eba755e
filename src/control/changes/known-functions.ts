/**
 * Which functions of user code documents may name: those that the configuration file names, and no others. Whoever may
 * call the admin API could else have any file of the machine run.
 */
import { closestName } from '../../base/closest-name.ts';
import { formatReference, parseReference } from '../../base/function-reference.ts';
import { mapFunctions } from '../../schema/function-fields.ts';
import type { Problem } from '../../schema/problem.ts';
import type { UserModule } from '../../snapshot/data-plane.ts';
import { ControlError } from '../control-error.ts';
import type { Change, Edits } from '../state/change.ts';
import type { ControlState } from '../state/control-state.ts';

export class KnownFunctions {
  /** "FILE#NAME" to the whole reference. */
  readonly #references: ReadonlyMap<string, string>;

  constructor(modules: readonly UserModule[]) {
    this.#references = new Map(
      modules.flatMap((module) =>
        module.functions.map((name) => [keyOf(module.file, name), formatReference({ ...module, name })] as const),
      ),
    );
  }

  /** The function as it is now, whatever version `reference` names; `null`: it may not be named. */
  current(reference: string): string | null {
    const { file, name } = parseReference(reference) ?? { file: '', name: '' };
    return this.#references.get(keyOf(file, name)) ?? null;
  }

  /** What is wrong with a reference that may not be used, and what would be right. */
  problemWith(reference: string): string {
    const known = [...this.#references.keys()];
    const meant = closestName(reference, known);
    const list = known.length === 0 ? 'it names none' : `it names ${known.map((name) => `"${name}"`).join(', ')}`;
    const right = meant === null ? list : `did you mean "${meant}"?`;
    return `must be a function that the configuration file names; ${right}`;
  }
}

/**
 * The edits of `change` with every function in its current version. A change that brings the modules (`known` is made of
 * them) renews all services that name one. Throws a `ControlError` where another change names what may not be named.
 */
export function withKnownFunctions(edits: Edits, change: Change, state: ControlState, known: KnownFunctions): Edits {
  const bringsModules = change.modules !== undefined;
  const services = new Map(edits.services);
  if (bringsModules) {
    for (const [name, { document, base, spec }] of state.services) {
      if (spec.modules.length > 0 && !services.has(name)) services.set(name, { document, base });
    }
  }
  const problems: Problem[] = [];
  for (const [name, edit] of services) {
    if (edit === null) continue;
    const document = mapFunctions(edit.document, (reference, path) => {
      const current = known.current(reference);
      // The file's own are all known; what the API has made of them before is left as it is, and loaded as long as it can be.
      if (current === null && !bringsModules) {
        const problem = { path, message: known.problemWith(reference) };
        problems.push(change.locate?.(name, problem) ?? problem);
      }
      return current ?? reference;
    });
    if (document !== edit.document) services.set(name, { ...edit, document });
  }
  if (problems.length === 0) return { ...edits, services };
  throw new ControlError('invalid', 'User code that is not known was named; nothing was changed.', problems);
}

function keyOf(file: string, name: string): string {
  return `${file}#${name}`;
}
