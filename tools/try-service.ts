/**
 * Runs one service through the real listener and prints every record: `node tools/try-service.ts mssql 21433 '{"lure":{"accept":"always"}}' [persona]`.
 * For writing a protocol; a sensor is `sundew sensor`.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { uuidv7 } from '../src/events/index.ts';
import { testIdentity } from '../src/protocols/surfaces/identity.ts';
import { PERSONA_KINDS, type PersonaKind } from '../src/protocols/surfaces/persona.ts';
import { makePersona } from '../src/protocols/surfaces/personas.ts';
import { sensorConfig } from '../src/sensor/config.ts';
import { listen } from '../src/sensor/listener.ts';
import { Sessions } from '../src/sensor/sessions.ts';
import { Turn } from '../src/sensor/turn.ts';

const { positionals } = parseArgs({ allowPositionals: true });
const [name = '', portText = '0', optionsText = '{}', personaName] = positionals;
const module = await import(join(import.meta.dirname, `../src/protocols/${name}/service.ts`));
const service = module[name];
const kind = PERSONA_KINDS.find((known) => known === personaName) ?? (service.personas[0] as PersonaKind);
const persona = makePersona(kind, Buffer.alloc(32, 1), Date.now());
const config = sensorConfig.parse({});
const listener = await listen({
  service,
  options: service.options.parse(JSON.parse(optionsText)),
  host: '127.0.0.1',
  port: service.ports[0],
  listenPort: Number(portText),
  bootId: uuidv7(Date.now()),
  persona,
  identity: testIdentity(persona),
  limits: config.limits,
  dataPorts: config.dataPorts,
  sessions: new Sessions(config.limits),
  turn: new Turn(
    {
      append: (entries) => {
        for (const entry of entries) if ('payload' in entry && 'kind' in entry) console.log(entry.payload);
      },
    },
    (error) => console.error('the turn failed', error),
  ),
  faults: { add: (code, error, facts) => console.error(code, facts, error) },
});
console.error(`${service.name} as ${service.product(persona)} (${kind}) on 127.0.0.1:${listener.port}`);
