import { WorkerListSchema, WorkersRestartedSchema } from '../../../schema/api.ts';
import type { Routes } from '../admin-context.ts';
import { actorOf } from '../admission.ts';
import { RequestError } from '../request-error.ts';
import { answers } from '../route-schema.ts';

export const workerRoutes: Routes = (app, { control, workers }) => {
  app.get(
    '/v1/workers',
    {
      schema: {
        tags: ['status'],
        summary: 'Lists the processes that serve requests',
        response: answers({ 200: WorkerListSchema }),
      },
    },
    async () => ({ items: await control.workers() }),
  );

  app.post(
    '/v1/workers/restart',
    {
      config: { isBodyOptional: true },
      schema: {
        tags: ['status'],
        summary: 'Replaces every worker process',
        description:
          'One after the other: the new one accepts before the old one stops, and the old one finishes what it has. ' +
          'Answers when all new ones accept. The body may be left out.',
        response: answers({ 200: WorkersRestartedSchema }),
      },
    },
    async (request) => {
      if (workers === null) throw new RequestError('no-workers', 'This process serves alone; nothing was restarted.');
      const entry = {
        actor: actorOf(request),
        requestId: request.id,
        kind: 'workers.restart',
        service: null,
        problem: null,
        detail: 'replaces every worker',
      };
      // First: what cannot be put on record is not done.
      await control.audit({ ...entry, result: 'applied' });
      return workers.restart();
    },
  );
};
