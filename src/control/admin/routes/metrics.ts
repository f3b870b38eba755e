import type { Routes } from '../admin-context.ts';
import { answers, textAnswer } from '../route-schema.ts';

export const metricsRoutes: Routes = (app, { metrics }) => {
  app.get(
    '/metrics',
    {
      schema: {
        tags: ['status'],
        summary: 'Shows the metrics in the text format of Prometheus',
        response: answers({ 200: textAnswer('text/plain', 'The metrics.') }),
      },
    },
    async (_request, reply) => {
      await reply.type(metrics.contentType).send(await metrics.text());
    },
  );
};
