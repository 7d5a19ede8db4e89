/**
 * Writes the reference pages from the schemas: docs/events.md, docs/config.md, docs/protocols.md. `--check` writes nothing and fails where a page is not
 * what it would write.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ZodType, z } from 'zod';
import { configFile } from '../src/cli/config.ts';
import { type Catalogue, eventRecord, sessionRecord, sharedEvents } from '../src/events/index.ts';
import { services } from '../src/protocols/registry.ts';
import { PERSONA_KINDS } from '../src/protocols/surfaces/persona.ts';

interface Schema {
  type?: string | string[];
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  prefixItems?: Schema[];
  anyOf?: Schema[];
  enum?: unknown[];
  const?: unknown;
  default?: unknown;
  additionalProperties?: Schema | boolean;
}

const NOTE = '<!-- Written by `npm run gen`; edit the schemas instead. -->\n\n';
const schemaOf = (type: ZodType): Schema => z.toJSONSchema(type, { io: 'input', unrepresentable: 'any' }) as Schema;
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function typeName(schema: Schema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value === '' ? "''" : value}\``).join(', ');
  if (schema.anyOf !== undefined) return [...new Set(schema.anyOf.map(typeName))].join(' or ');
  if (schema.type === 'array')
    return schema.prefixItems === undefined
      ? `list of ${typeName(schema.items ?? {})}`
      : `[${schema.prefixItems.map(typeName).join(', ')}]`;
  return String(schema.type ?? 'any');
}

function fieldTable(schema: Schema): string {
  const rows = Object.entries(schema.properties ?? {}).map(
    ([name, field]) =>
      `| \`${name}\` | ${cell(typeName(field))} | ${schema.required?.includes(name) === true ? 'yes' : ''} | ${cell(field.description ?? '')} |`,
  );
  return rows.length === 0
    ? 'No fields.\n'
    : `| field | type | always | meaning |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

function eventSections(catalogue: Catalogue, level: string): string {
  return Object.entries(catalogue)
    .map(([name, type]) => {
      const schema = schemaOf(type);
      return `${level} \`${name}\`\n\n${schema.description ?? ''}\n\n${fieldTable(schema)}`;
    })
    .join('\n');
}

/** Options with their defaults, nested ones with dots. */
function optionRows(schema: Schema, prefix = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    if (field.properties !== undefined) return optionRows(field, path);
    const fallback = field.default === undefined ? '' : `\`${JSON.stringify(field.default)}\``;
    return [`| \`${path}\` | ${cell(typeName(field))} | ${cell(fallback)} | ${cell(field.description ?? '')} |`];
  });
}
const optionTable = (schema: Schema): string =>
  `| option | type | default | meaning |\n|---|---|---|---|\n${optionRows(schema).join('\n')}\n`;

function eventsPage(): string {
  const own = services.filter((service) => Object.keys(service.events).length > 0);
  return `# Records\n\n${NOTE}What a sensor says, as the API and the exports show it. The manager adds to each record who delivered it, when, and the place of its source.

## Session\n\n${fieldTable(schemaOf(sessionRecord))}
## Event\n\n${fieldTable(schemaOf(eventRecord))}
The fields of each type follow. Text from a peer is UTF-8; bytes that are not are written \`\\xNN\`.

${eventSections(sharedEvents, '##')}${own.map((service) => `\n## Events of ${service.name} alone\n\n${eventSections(service.events, '###')}`).join('')}`;
}

function configPage(): string {
  return `# Configuration\n\n${NOTE}\`sundew.yaml\` in the data folder, or the file given with \`--config\`. Flags of a command come before the file, the file before the defaults. \`sundew up\`
opens every service (\`services: all\`) at ports moved by 20000 unless the file or a flag says otherwise. Unknown keys are refused; \`sundew config check\` names every mistake with its
place, \`sundew config print\` shows all values.

${optionTable(schemaOf(configFile))}
The options of each service, under \`sensor.options.NAME\`, are in [protocols.md](protocols.md).
`;
}

function protocolsPage(): string {
  const sections = services.map(
    (
      service,
    ) => `## ${service.name}\n\n${service.title}. Ports ${service.ports.join(', ')}/${service.transport}; opened by \`services: auto\` on ${service.personas.map((name) => `\`${name}\``).join(' and ')}.
How it behaves and what it leaves out: [its folder](../src/protocols/${service.name}/README.md).\n\n${optionTable(schemaOf(service.options))}`,
  );
  return `# Services\n\n${NOTE}Personas: ${PERSONA_KINDS.map((name) => `\`${name}\``).join(', ')}. The options of a service stand in the configuration under \`sensor.options.NAME\`:

\`\`\`yaml
sensor:
  options:
    ftp:
      lure: { accept: list, logins: [{ username: backup, password: backup1 }] }
\`\`\`

${sections.join('\n')}`;
}

const docs = resolve(import.meta.dirname, '../docs');
const pages: Readonly<Record<string, string>> = {
  'events.md': eventsPage(),
  'config.md': configPage(),
  'protocols.md': protocolsPage(),
};
const checking = process.argv.includes('--check');
const stale = Object.entries(pages).filter(([name, text]) => {
  const path = join(docs, name);
  if (!checking) writeFileSync(path, text);
  return checking && readFileSync(path, 'utf8') !== text;
});
for (const [name] of stale) console.error(`docs/${name} is not what the schemas say; run \`npm run gen\``);
process.exitCode = stale.length > 0 ? 1 : 0;
