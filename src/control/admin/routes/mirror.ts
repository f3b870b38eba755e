import { type MirrorDocument, MirrorSchema } from '../../../schema/mirror.ts';
import { ControlError } from '../../control-error.ts';
import { findService } from '../../state/find-in-state.ts';
import { mirrorTag } from '../../state/resource-tags.ts';
import type { Routes } from '../admin-context.ts';
import { changeContextOf, describeChange, sendTagged } from '../change-request.ts';
import { CHANGE_HEADERS, NO_BODY, READ_HEADERS, answers, pathOf } from '../route-schema.ts';

const PATH = '/v1/services/:service/mirror';
const tags = ['traffic'];

interface ServicePath {
  Params: { service: string };
}

export const mirrorRoutes: Routes = (app, context) => {
  const { control } = context;

  app.get<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Shows which requests are copied where',
        params: pathOf('service'),
        headers: READ_HEADERS,
        response: answers({ 200: MirrorSchema }),
      },
    },
    async (request, reply) => {
      const record = findService(control.state, request.params.service);
      const tag = mirrorTag(record);
      if (tag === null) throw new ControlError('not-found', `The service "${record.name}" has no mirror.`);
      await sendTagged(request, reply, tag, record.document.mirror);
    },
  );

  app.put<ServicePath & { Body: MirrorDocument }>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Copies requests to a pool whose answers nobody sees',
        params: pathOf('service'),
        headers: CHANGE_HEADERS,
        body: MirrorSchema,
        response: answers({ 200: MirrorSchema, 201: MirrorSchema }),
      },
    },
    async (request, reply) => {
      const { service } = request.params;
      const outcome = await control.putMirror(service, request.body, changeContextOf(request, context));
      const record = findService(outcome.state, service);
      if (outcome.before.services.get(service)?.document.mirror === undefined) {
        void reply.code(201).header('Location', `/v1/services/${service}/mirror`);
      }
      await describeChange(reply, outcome, mirrorTag(record)).send(record.document.mirror);
    },
  );

  app.delete<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Ends the copying',
        params: pathOf('service'),
        headers: CHANGE_HEADERS,
        response: answers({ 204: NO_BODY }),
      },
    },
    async (request, reply) => {
      const outcome = await control.deleteMirror(request.params.service, changeContextOf(request, context));
      await describeChange(reply, outcome, null).code(204).send();
    },
  );
};
