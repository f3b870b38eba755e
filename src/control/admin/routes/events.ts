import type { ServerResponse } from 'node:http';

import type { ControlEvent } from '../../event-log.ts';
import type { Routes } from '../admin-context.ts';
import { principalOf } from '../admission.ts';
import { type Principal, isInScope } from '../principal.ts';
import { RequestError } from '../request-error.ts';
import { answers, textAnswer } from '../route-schema.ts';

/** Clients that watch at once; each holds a connection. */
export const WATCHERS_MAX = 16;

/** Between two comments that keep proxies and clients from giving a silent stream up. */
export const KEEP_ALIVE_MS = 15_000;

/** Unread bytes at which a watcher is cut off: it can come back and say where it was. */
export const UNREAD_BYTES_MAX = 1024 * 1024;

const HEADERS = {
  type: 'object',
  properties: { 'last-event-id': { type: 'string', description: 'The last event seen.' } },
};

/** Server-sent events (WHATWG HTML, section 9.2). */
export const eventRoutes: Routes = (app, { access, control, clock }) => {
  const watchers = new Set<ServerResponse>();
  // A stream never ends by itself: the server could not close while one is open.
  app.addHook('preClose', (done) => {
    for (const watcher of watchers) watcher.end();
    done();
  });

  app.get(
    '/v1/events',
    {
      exposeHeadRoute: false,
      schema: {
        tags: ['history'],
        summary: 'Streams generations, receipts, drains, health, ejections and panics as they happen',
        description:
          'With Last-Event-ID, what happened since comes first; the event "gap" says that some of it is lost.',
        headers: HEADERS,
        response: answers({ 200: textAnswer('text/event-stream', 'Server-sent events.') }),
      },
    },
    (request, reply) => {
      if (watchers.size >= WATCHERS_MAX) {
        throw new RequestError('too-many-watchers', `${WATCHERS_MAX} clients watch already.`);
      }
      const lastEventId = request.headers['last-event-id'];
      reply.hijack();
      const stream = reply.raw;
      stream.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        'Content-Type': 'text/event-stream',
        'X-Accel-Buffering': 'no',
      });
      watchers.add(stream);
      const { events, gap } = control.events.after(typeof lastEventId === 'string' ? lastEventId : null);
      // The first bytes make a client know at once that it is connected.
      stream.write(gap ? 'event: gap\ndata: {}\n\n' : ': watching\n\n');
      const principal = principalOf(request);
      const show = (event: ControlEvent): void => {
        const visible = visibleTo(principal, event);
        if (visible !== null) write(stream, visible);
      };
      for (const event of events) show(event);
      const unsubscribe = control.events.subscribe(show);
      let heartbeat = clock.setTimer(KEEP_ALIVE_MS, beat);
      function beat(): void {
        // A token that has expired or was withdrawn must not be good for ever for those who came in time.
        if (!access.isCurrent(principal)) {
          stream.end();
          return;
        }
        stream.write(': still here\n\n');
        heartbeat = clock.setTimer(KEEP_ALIVE_MS, beat);
      }
      stream.once('close', () => {
        heartbeat.cancel();
        unsubscribe();
        watchers.delete(stream);
      });
    },
  );
};

/** An event as far as it is about services that `principal` may see; `null`: not at all. */
function visibleTo(principal: Principal, event: ControlEvent): ControlEvent | null {
  const data = event.data as { readonly service?: string; readonly services?: readonly string[] };
  if (data.service !== undefined) return isInScope(principal, data.service) ? event : null;
  if (data.services === undefined || data.services.length === 0) return event;
  const services = data.services.filter((name) => isInScope(principal, name));
  if (services.length === 0) return null;
  if (services.length === data.services.length) return event;
  // The line that tells of the change names the others too.
  return { ...event, data: { ...data, services, summary: 'changes several services' } };
}

function write(stream: ServerResponse, { id, type, at, data }: ControlEvent): void {
  if (stream.writableLength > UNREAD_BYTES_MAX) {
    stream.destroy();
    return;
  }
  // JSON has no line breaks of its own, which would end the event.
  stream.write(`id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ at, ...(data as object) })}\n\n`);
}
