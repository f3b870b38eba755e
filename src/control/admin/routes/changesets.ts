import {
  type ChangeSet,
  type ChangeSetAnswer,
  ChangeSetAnswerSchema,
  ChangeSetSchema,
} from '../../../schema/change-set.ts';
import { redacted } from '../../changes/written-document.ts';
import { type Difference, differences } from '../../state/differences.ts';
import type { ServiceChange } from '../../store/store.ts';
import type { Routes } from '../admin-context.ts';
import { principalOf } from '../admission.ts';
import { GENERATION_FIELD, changeContextOf } from '../change-request.ts';
import { readChangeSet } from '../read-change-set.ts';
import { receiptsOf } from '../receipt-answer.ts';
import { ONCE_HEADERS, answers } from '../route-schema.ts';

export const changesetRoutes: Routes = (app, context) => {
  const { access, control, keys } = context;

  app.post<{ Body: ChangeSet }>(
    '/v1/changesets',
    {
      schema: {
        tags: ['traffic'],
        summary: 'Makes several changes at once: all of them, in one generation, or none',
        description:
          'Each change is said as the call that makes it alone, takes the same role and the same scope, and is refused for the ' +
          'same reasons; problems point into the set ("/changes/2/body/weights"). Later changes see the earlier ones. The ' +
          'traffic of one service is moved once at most. If-Match may name the ETag of /v1/config.',
        headers: ONCE_HEADERS,
        body: ChangeSetSchema,
        response: answers({ 200: ChangeSetAnswerSchema }),
      },
    },
    (request, reply) =>
      keys.once(request, reply, async (claim) => {
        const { changes, dryRun = false } = request.body;
        const principal = principalOf(request);
        const asked = changeContextOf(request, context, claim);
        const entries = readChangeSet(
          changes,
          (method, route, service) => access.permit(principal, method, route, service),
          asked,
          control.health,
        );
        if (dryRun) {
          const { before, changes: made } = control.rehearseSet(entries, asked);
          return answerOf({ dryRun, generation: [before.generation, before.generation], made, receipts: [] });
        }
        const outcome = await control.changeSet(entries, asked);
        const receipts = await receiptsOf(control, outcome.receipts, request, reply);
        const generation = [outcome.before.generation, outcome.state.generation] as const;
        return answerOf({ dryRun, generation, made: outcome.changes, receipts });
      }),
  );
};

interface Made extends Pick<ChangeSetAnswer, 'dryRun' | 'receipts'> {
  readonly generation: readonly [before: number, after: number];
  readonly made: readonly ServiceChange[];
}

function answerOf({ dryRun, generation: [before, after], made, receipts }: Made): {
  status: number;
  headers: Record<string, string>;
  body: string;
} {
  const services = made.map((change) => ({ service: change.service, differences: differencesOf(change) }));
  const answer: ChangeSetAnswer = { dryRun, generation: { before, after }, services, receipts };
  return { status: 200, headers: { [GENERATION_FIELD]: String(after) }, body: JSON.stringify(answer) };
}

function differencesOf({ before, after }: ServiceChange): Difference[] {
  return differences(before === null ? null : redacted(before), after === null ? null : redacted(after));
}
