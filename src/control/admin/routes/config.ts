import { Type } from 'typebox';

import { ConfigAnswerSchema, ConfigViewSchema } from '../../../schema/api.ts';
import { ConfigSchema } from '../../../schema/config.ts';
import { strictObject } from '../../../schema/strict-object.ts';
import { redacted } from '../../changes/written-document.ts';
import type { RunTimeChanges } from '../../changes/config-change.ts';
import { parseConfig } from '../../config/load.ts';
import { ControlError } from '../../control-error.ts';
import { configTag } from '../../state/resource-tags.ts';
import type { Routes } from '../admin-context.ts';
import { GENERATION_FIELD, changeContextOf, sendTagged } from '../change-request.ts';
import { ONCE_HEADERS, READ_HEADERS, answers } from '../route-schema.ts';

/** Longest configuration that is taken over HTTP: 10,000 services fit. */
export const CONFIG_BODY_BYTES_MAX = 4 * 1024 * 1024;

const PATH = '/v1/config';
const tags = ['config'];

const runTimeQuery = strictObject({
  runtime: Type.Optional(
    Type.Enum(['keep', 'discard'], {
      description:
        'keep (default): what was changed at run time stands as long as the file has what it names. ' +
        'discard: the file is all there is, and services made by the API are gone too.',
    }),
  ),
});

export const configRoutes: Routes = (app, context) => {
  const { control, keys } = context;

  app.get(
    PATH,
    {
      schema: {
        tags,
        summary: 'Shows all services as they are in force',
        headers: READ_HEADERS,
        response: answers({ 200: ConfigViewSchema }),
      },
    },
    async (request, reply) => {
      const { state } = control;
      const services = [...state.services].map(([name, record]) => [name, redacted(record.document)] as const);
      await sendTagged(request, reply, configTag(state), { services: Object.fromEntries(services) });
    },
  );

  app.post<{ Body: string; Querystring: { runtime?: RunTimeChanges } }>(
    PATH,
    {
      bodyLimit: CONFIG_BODY_BYTES_MAX,
      config: { accepts: ['application/json', 'application/yaml'], isBodyText: true },
      schema: {
        tags,
        summary: 'Puts a configuration file in force, all of it or nothing',
        description: 'Takes JSON and YAML. Everything but the services must be as this process was started with.',
        querystring: runTimeQuery,
        headers: ONCE_HEADERS,
        body: {
          content: {
            'application/json': { schema: ConfigSchema },
            'application/yaml': { schema: { type: 'string', description: 'The configuration file.' } },
          },
        },
        response: answers({ 200: ConfigAnswerSchema }),
      },
    },
    (request, reply) =>
      keys.once(request, reply, async (claim) => {
        const { config, problems } = parseConfig(request.body);
        if (config === null)
          throw new ControlError('invalid', 'The configuration is wrong; nothing was changed.', problems);
        const runTime = request.query.runtime ?? 'keep';
        const answer = await control.applyConfig(config, runTime, changeContextOf(request, context, claim));
        const headers = { [GENERATION_FIELD]: String(answer.generation) };
        return { status: 200, headers, body: JSON.stringify(answer) };
      }),
  );
};
