import { ADMIN_LISTEN_DEFAULT } from '../../schema/admin.ts';
import { ConfigSchema } from '../../schema/config.ts';
import type { ConfigDocument } from '../../schema/config.ts';
import { problemFinder } from '../../schema/find-problems.ts';
import { pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { Problem } from '../../schema/problem.ts';
import { checkAdmin } from './check-admin.ts';
import { checkAllClaims } from './check-claims.ts';
import { checkListener } from './check-listener.ts';
import { checkLookups } from './check-lookups.ts';
import { checkService } from './check-service.ts';
import { type LookupNames, lookupNamesOf } from './lookup-names.ts';
import { isSameSocket } from './own-addresses.ts';
import { consequenceOf, soundPart } from './sound-part.ts';

const formProblems = problemFinder(ConfigSchema);

export type CheckedConfig =
  | { readonly config: ConfigDocument; readonly problems: readonly [] }
  | { readonly config: null; readonly problems: readonly Problem[] };

/** All that is wrong with a whole configuration, its form and its meaning at once. */
export function checkConfig(value: unknown): CheckedConfig {
  const problems = formProblems(value);
  if (problems.length === 0) {
    const config = value as ConfigDocument;
    const wrong = checkMeaning(config, lookupNamesOf(config));
    return wrong.length === 0 ? { config, problems: [] } : { config: null, problems: wrong };
  }
  const sound = soundPart(value, problems, formProblems);
  const meaning = sound === null ? [] : checkMeaning(sound as ConfigDocument, lookupNamesOf(value));
  const isConsequence = consequenceOf(problems);
  return { config: null, problems: [...problems, ...meaning.filter((found) => !isConsequence(found))] };
}

function checkMeaning(config: ConfigDocument, lookups: LookupNames): Problem[] {
  return [...checkAddresses(config), ...checkLookups(config), ...checkServices(config, lookups)];
}

function checkServices(config: ConfigDocument, lookups: LookupNames): Problem[] {
  const services = Object.entries(config.services ?? {});
  const whole = { listeners: config.listeners, admin: { listen: adminListen(config) }, lookups };
  return [
    ...services.flatMap(([name, service]) =>
      problemsUnder(pointerOf('services', name), checkService(name, service, whole)),
    ),
    ...problemsUnder('/services', checkAllClaims(config.services ?? {})),
  ];
}

function checkAddresses(config: ConfigDocument): Problem[] {
  const problems: Problem[] = [];
  const taken: { readonly what: string; readonly listen: string }[] = [];
  for (const [name, listener] of Object.entries(config.listeners)) {
    const path = pointerOf('listeners', name);
    const { listen } = listener;
    problems.push(...problemsUnder(path, checkListener(listener)));
    const same = taken.find((other) => isSameSocket(other.listen, listen));
    if (same !== undefined)
      problems.push({ path: `${path}/listen`, message: `is the address of ${same.what} already` });
    taken.push({ what: `the listener "${name}"`, listen });
  }
  const admin = adminListen(config);
  const same = taken.find((other) => isSameSocket(other.listen, admin));
  if (same !== undefined) problems.push({ path: '/admin/listen', message: `is the address of ${same.what} already` });
  return [...problems, ...problemsUnder('/admin', checkAdmin(config.admin ?? {}))];
}

function adminListen(config: ConfigDocument): string {
  return config.admin?.listen ?? ADMIN_LISTEN_DEFAULT;
}
