/** Captured files: what their events say of them, once for each content. */
import { z } from 'zod';
import { type SharedEventFields, timestamp } from '../../events/index.ts';
import type { StoreClient } from '../store/client.ts';
import { type Asking, Bindings, where } from './filter.ts';
import { isoTime } from './records.ts';

export const artifactObject = z
  .object({
    sha256: z.string(),
    sha1: z.string(),
    md5: z.string(),
    bytes: z.int(),
    names: z.array(z.string()).describe('The names it came under, up to 100.'),
    via: z.array(z.string()),
    first_seen: timestamp,
    last_seen: timestamp,
    captures: z.int(),
    sources: z.int(),
  })
  .meta({ id: 'Artifact' });
export type ArtifactObject = z.infer<typeof artifactObject>;

interface Row {
  sha256: string;
  fields: string;
  names: string[];
  via: string[];
  first_seen: string;
  last_seen: string;
  n: string;
  sources: string;
}

export async function artifacts(
  store: StoreClient,
  question: { limit: number; sha256?: string },
  asking: Asking,
): Promise<ArtifactObject[]> {
  const bindings = new Bindings();
  const conditions = ["type = 'file.captured'", where(asking.filter, 'events', bindings, asking.sensorId)];
  if (question.sha256 !== undefined) conditions.push(`events.sha256 = ${bindings.bind(question.sha256, 'String')}`);
  const sql = `SELECT sha256, any(events.fields) AS fields, groupUniqArrayIf(100)(JSONExtractString(events.fields, 'name'), JSONExtractString(events.fields, 'name') != '') AS names,
  groupUniqArray(20)(JSONExtractString(events.fields, 'via')) AS via, min(at) AS first_seen, max(at) AS last_seen, count() AS n, uniqExact(src_ip) AS sources
FROM events
WHERE ${conditions.join(' AND ')}
GROUP BY sha256
ORDER BY last_seen DESC, sha256
LIMIT ${bindings.bind(question.limit, 'UInt64')}`;
  const rows = await store.query<Row>(
    sql,
    bindings.params,
    asking.signal === undefined ? {} : { signal: asking.signal },
  );
  return rows.map((row) => {
    const fields = JSON.parse(row.fields) as Partial<SharedEventFields<'file.captured'>>;
    return {
      ...{
        sha256: row.sha256,
        sha1: fields.sha1 ?? '',
        md5: fields.md5 ?? '',
        bytes: fields.bytes ?? 0,
        names: row.names,
        via: row.via,
      },
      ...{
        first_seen: isoTime(row.first_seen),
        last_seen: isoTime(row.last_seen),
        captures: Number(row.n),
        sources: Number(row.sources),
      },
    };
  });
}
