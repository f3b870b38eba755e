import type { Routes } from '../admin-context.ts';
import { answers, textAnswer } from '../route-schema.ts';

const tags = ['status'];
const response = answers({ 200: textAnswer('text/plain', 'It does.') });

/** For whoever watches over the process. They say yes or no, and nothing else. */
export const probeRoutes: Routes = (app, { control }) => {
  app.get(
    '/healthz',
    { schema: { tags, summary: 'Says whether the process lives', response } },
    async (_request, reply) => {
      await reply.type('text/plain').send('ok\n');
    },
  );

  app.get(
    '/readyz',
    { schema: { tags, summary: 'Says whether traffic should be sent here', response } },
    async (_request, reply) => {
      const { isReady } = control;
      await reply
        .code(isReady ? 200 : 503)
        .type('text/plain')
        .send(isReady ? 'ready\n' : 'not ready\n');
    },
  );
};
