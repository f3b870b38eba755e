import { parseTemplate } from '../../base/template.ts';
import { type ErrorPageDocument, PAGE_FILE_PREFIX } from '../../schema/error-pages.ts';
import { type Problem, pointerOf, problemsUnder } from '../../schema/problem.ts';
import type { ServiceDocument } from '../../schema/service.ts';
import { PAGE_VARIABLES } from '../../snapshot/shape-spec.ts';

/** What a schema cannot see of a service's error pages. Paths count from the service. */
export function checkErrorPages({ errorPages = {}, interceptErrors = [] }: ServiceDocument): Problem[] {
  const pages = Object.entries(errorPages);
  const hasPage = (status: number) =>
    pages.some(([key]) => key === `${status}` || key === `${Math.floor(status / 100)}xx`);
  return [
    ...pages.flatMap(([status, page]) => problemsUnder(pointerOf('errorPages', status), checkPage(page))),
    ...interceptErrors.flatMap((status, i) =>
      hasPage(status)
        ? []
        : [{ path: pointerOf('interceptErrors', i), message: `is ${status}, for which errorPages has no page` }],
    ),
  ];
}

/** A file that the admin API could name would be one that it can read. */
function checkPage(page: ErrorPageDocument): Problem[] {
  if (Object.keys(page).length === 0) return [{ path: '', message: 'has no page; give html, json or text' }];
  return Object.entries(page).flatMap(([form, text]) => {
    const path = pointerOf(form);
    if (text.startsWith(PAGE_FILE_PREFIX)) {
      const message = 'can name a file only in a configuration file in YAML or JSON; give what is in it';
      return [{ path, message }];
    }
    const template = parseTemplate(text, PAGE_VARIABLES, 'as-text');
    if ('problem' in template) return [{ path, message: template.problem }];
    return form === 'json' && !isJson(text)
      ? [{ path, message: 'must be JSON, with variables inside of its strings' }]
      : [];
  });
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
