import { type PauseDocument, PauseSchema } from '../../../schema/pause.ts';
import { ControlError } from '../../control-error.ts';
import { findService } from '../../state/find-in-state.ts';
import { pauseTag } from '../../state/resource-tags.ts';
import type { Routes } from '../admin-context.ts';
import { changeContextOf, describeChange, sendTagged } from '../change-request.ts';
import { CHANGE_HEADERS, NO_BODY, READ_HEADERS, answers, pathOf } from '../route-schema.ts';

const PATH = '/v1/services/:service/pause';
const tags = ['traffic'];

interface ServicePath {
  Params: { service: string };
}

export const pauseRoutes: Routes = (app, context) => {
  const { control } = context;

  app.get<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Shows how the service is paused',
        description: 'How many requests wait is in the status, and in `cutover_requests_held`.',
        params: pathOf('service'),
        headers: READ_HEADERS,
        response: answers({ 200: PauseSchema }),
      },
    },
    async (request, reply) => {
      const record = findService(control.state, request.params.service);
      const tag = pauseTag(record);
      if (tag === null) throw new ControlError('not-found', `The service "${record.name}" is not paused.`);
      await sendTagged(request, reply, tag, record.document.pause);
    },
  );

  app.put<ServicePath & { Body: PauseDocument }>(
    PATH,
    {
      config: { isBodyOptional: true },
      schema: {
        tags,
        summary: 'Pauses the service',
        description:
          'Requests that come from now on wait; those under way go on. Once this is answered, no request that is accepted later ' +
          'reaches a target, on any worker. The pause lasts, through restarts too, until it is deleted; each request waits for ' +
          '`timeout` at most. The body may be left out.',
        params: pathOf('service'),
        headers: CHANGE_HEADERS,
        body: PauseSchema,
        response: answers({ 200: PauseSchema, 201: PauseSchema }),
      },
    },
    async (request, reply) => {
      const { service } = request.params;
      const outcome = await control.putPause(service, request.body, changeContextOf(request, context));
      const record = findService(outcome.state, service);
      if (outcome.before.services.get(service)?.document.pause === undefined) {
        void reply.code(201).header('Location', `/v1/services/${service}/pause`);
      }
      await describeChange(reply, outcome, pauseTag(record)).send(record.document.pause);
    },
  );

  app.delete<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Resumes the service',
        description:
          'Requests that come from now on are routed at once. Those that wait are let go evenly over `resumeOver`, in the order ' +
          'in which they came, and routed by what is in force then.',
        params: pathOf('service'),
        headers: CHANGE_HEADERS,
        response: answers({ 204: NO_BODY }),
      },
    },
    async (request, reply) => {
      const outcome = await control.deletePause(request.params.service, changeContextOf(request, context));
      await describeChange(reply, outcome, null).code(204).send();
    },
  );
};
