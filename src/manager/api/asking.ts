/** What every question of a request needs: its filter, the names of sensors, and an end when the reader leaves. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Asking, filterOf } from '../queries/filter.ts';
import type { Names } from '../queries/records.ts';
import type { Context } from './context.ts';

export function asking(
  context: Context,
  request: FastifyRequest,
  reply: FastifyReply,
): Asking & { names: Names; signal: AbortSignal } {
  const names = context.sensors.names();
  const ids = new Map([...names].map(([id, name]) => [name, id]));
  const gone = new AbortController();
  reply.raw.on('close', () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return {
    filter: filterOf(request.query as Record<string, unknown>),
    sensorId: (nameOrId) => ids.get(nameOrId) ?? nameOrId,
    names,
    signal: gone.signal,
  };
}
