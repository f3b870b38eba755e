import type { Problem } from '../../schema/problem.ts';

/**
 * Where a problem of a service stands in what was sent, when that was only the part of the service at `part`, and it
 * stands at `sentAt` in the body. A problem elsewhere in the service is one of the whole body.
 */
export function locateBelow(part: string, sentAt = ''): (service: string, problem: Problem) => Problem {
  return (_service, problem) => {
    const { path } = problem;
    if (path === part || path.startsWith(`${part}/`)) return { ...problem, path: sentAt + path.slice(part.length) };
    return { path: '', message: `the service could not stay as it is: ${path} ${problem.message}` };
  };
}
