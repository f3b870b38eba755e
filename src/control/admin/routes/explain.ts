import {
  type ExplainRequest,
  ExplainRequestSchema,
  ExplanationSchema,
  type Proposal,
} from '../../../schema/explain.ts';
import { problemsUnder } from '../../../schema/problem.ts';
import { checkConfig } from '../../config/check-config.ts';
import { ControlError } from '../../control-error.ts';
import { describedProblems, explainQuestion } from '../../explain-question.ts';
import type { Change, ChangeContext } from '../../state/change.ts';
import type { AdminContext, Routes } from '../admin-context.ts';
import { principalOf } from '../admission.ts';
import { changeContextOf } from '../change-request.ts';
import { type Principal, isInScope } from '../principal.ts';
import { readChangeSet } from '../read-change-set.ts';
import { RequestError } from '../request-error.ts';
import { answers } from '../route-schema.ts';

export const explainRoutes: Routes = (app, context) => {
  app.post<{ Body: ExplainRequest }>(
    '/v1/explain',
    {
      schema: {
        tags: ['traffic'],
        summary: 'Explains what would become of a request: service, rule, user, pool, target, and why',
        description:
          'A worker decides about it as about a real one, and nothing is sent or counted. With `proposed` it is seen as if those ' +
          'changes, or that configuration, were in force; whoever proposes must be allowed to make them.',
        body: ExplainRequestSchema,
        response: answers({ 200: ExplanationSchema }),
      },
    },
    async (request) => {
      const { request: described, proposed } = request.body;
      const principal = principalOf(request);
      const problems = problemsUnder('/request', describedProblems(described));
      if (problems.length > 0) throw new RequestError('invalid', 'The request cannot be one.', problems);
      const asked = changeContextOf(request, context);
      const change = proposed === undefined ? null : proposedChange(proposed, asked, principal, context);
      const explanation = await context.control.explain(explainQuestion(described), change);
      const service = explanation.service?.name;
      if (service !== undefined && !isInScope(principal, service)) {
        throw new RequestError('forbidden', `The request is for a service that "${principal.name}" is not for.`);
      }
      return explanation;
    },
  );
};

/** Its problems point into the body. */
function proposedChange(
  { changes, config, runtime = 'keep' }: Proposal,
  asked: ChangeContext,
  principal: Principal,
  { access, control }: AdminContext,
): Change {
  if ((changes === undefined) === (config === undefined)) {
    const problem = { path: '/proposed', message: 'must have either "changes" or "config"' };
    throw new RequestError('invalid', 'What is proposed is not clear.', [problem]);
  }
  if (changes !== undefined) {
    const permit = (method: string, route: string, service: string): void =>
      access.permit(principal, method, route, service);
    return placed('/proposed', () => control.proposedSet(readChangeSet(changes, permit, asked, control.health), asked));
  }
  access.permit(principal, 'POST', '/v1/config', null);
  const checked = checkConfig(config);
  if (checked.config === null) {
    const problems = problemsUnder('/proposed/config', checked.problems);
    throw new RequestError('invalid', 'The configuration is wrong.', problems);
  }
  const { config: document } = checked;
  return placed('/proposed/config', () => control.proposedConfig(document, runtime, asked));
}

/** The change that `make` gives; what it, or the change later, finds wrong stands at `base` of the body. */
function placed(base: string, make: () => Change): Change {
  const change = under(base, make);
  return { ...change, edit: (state) => under(base, () => change.edit(state)), locate: locateUnder(base, change) };
}

function locateUnder(base: string, { locate }: Change): NonNullable<Change['locate']> {
  return (service, problem) => {
    const located = locate === undefined ? problem : locate(service, problem);
    return { ...located, path: base + located.path };
  };
}

function under<T>(base: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ControlError) {
      throw new ControlError(error.code, error.message, problemsUnder(base, error.problems), { cause: error });
    }
    if (!(error instanceof RequestError)) throw error;
    throw new RequestError(error.code, error.message, problemsUnder(base, error.problems));
  }
}
