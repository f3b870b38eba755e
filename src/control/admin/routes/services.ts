import { NamedServiceSchema, ServicePatchSchema, itemsOf } from '../../../schema/api.ts';
import type { NamedService } from '../../../schema/api.ts';
import { redacted } from '../../changes/written-document.ts';
import type { ServiceRecord } from '../../state/control-state.ts';
import { findService } from '../../state/find-in-state.ts';
import { serviceTag } from '../../state/resource-tags.ts';
import type { Routes } from '../admin-context.ts';
import { principalOf } from '../admission.ts';
import { changeContextOf, describeChange, sendTagged } from '../change-request.ts';
import { isInScope } from '../principal.ts';
import {
  CHANGE_HEADERS,
  NO_BODY,
  READ_HEADERS,
  PATCH_MEDIA_TYPES,
  answers,
  pathOf,
  pathToNew,
} from '../route-schema.ts';

const PATH = '/v1/services/:service';
const tags = ['services'];

interface ServicePath {
  Params: { service: string };
}

export const serviceRoutes: Routes = (app, context) => {
  const { control } = context;

  app.get(
    '/v1/services',
    {
      schema: {
        tags,
        summary: 'Lists the services',
        response: answers({ 200: itemsOf(NamedServiceSchema, 'All services.') }),
      },
    },
    (request) => {
      const principal = principalOf(request);
      const records = [...control.state.services.values()].filter(({ name }) => isInScope(principal, name));
      return { items: records.map(viewOf) };
    },
  );

  app.get<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Shows a service as it was written',
        params: pathOf('service'),
        headers: READ_HEADERS,
        response: answers({ 200: NamedServiceSchema }),
      },
    },
    async (request, reply) => {
      const record = findService(control.state, request.params.service);
      await sendTagged(request, reply, serviceTag(record), viewOf(record));
    },
  );

  app.put<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Creates or replaces a service',
        params: pathToNew('service'),
        headers: CHANGE_HEADERS,
        body: NamedServiceSchema,
        response: answers({ 200: NamedServiceSchema, 201: NamedServiceSchema }),
      },
    },
    async (request, reply) => {
      const { service } = request.params;
      const outcome = await control.putService(service, request.body, changeContextOf(request, context));
      const record = findService(outcome.state, service);
      const isNew = !outcome.before.services.has(service);
      if (isNew) void reply.code(201).header('Location', `/v1/services/${service}`);
      await describeChange(reply, outcome, serviceTag(record)).send(viewOf(record));
    },
  );

  app.patch<ServicePath>(
    PATH,
    {
      config: { accepts: PATCH_MEDIA_TYPES },
      schema: {
        tags,
        consumes: [...PATCH_MEDIA_TYPES],
        summary: 'Changes parts of a service by a merge patch',
        params: pathOf('service'),
        headers: CHANGE_HEADERS,
        body: ServicePatchSchema,
        response: answers({ 200: NamedServiceSchema }),
      },
    },
    async (request, reply) => {
      const { service } = request.params;
      const outcome = await control.patchService(service, request.body, changeContextOf(request, context));
      const record = findService(outcome.state, service);
      await describeChange(reply, outcome, serviceTag(record)).send(viewOf(record));
    },
  );

  app.delete<ServicePath>(
    PATH,
    {
      schema: {
        tags,
        summary: 'Removes a service',
        params: pathOf('service'),
        headers: CHANGE_HEADERS,
        response: answers({ 204: NO_BODY }),
      },
    },
    async (request, reply) => {
      const outcome = await control.deleteService(request.params.service, changeContextOf(request, context));
      await describeChange(reply, outcome, null).code(204).send();
    },
  );
};

function viewOf({ name, document }: ServiceRecord): NamedService {
  return { name, ...redacted(document) };
}
