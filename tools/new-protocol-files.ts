/** The files that a new protocol begins with: a service that takes lines, greets, asks for a login and refuses it. */

/** File name -> content, for a protocol of this name whose service is exported as `constant`. */
export function protocolFiles(name: string, constant: string): Readonly<Record<string, string>> {
  return {
    'codec.ts': `/** The lines of ${name}: a verb, a space and an argument. */
import { decodeLine, type Step } from '../kernel/codec.ts';

/** Longest line that is read. */
export const MAX_LINE = 4096;

export interface Request {
  /** In upper case. */
  verb: string;
  argument: Buffer;
}

const line = decodeLine(MAX_LINE);
const SPACE = 0x20;

export function decodeRequest(bytes: Buffer): Step<Request> {
  const step = line(bytes);
  if (step.kind !== 'frame') return step;
  const space = step.frame.indexOf(SPACE);
  const end = space < 0 ? step.frame.length : space;
  const verb = step.frame.toString('latin1', 0, end).toUpperCase();
  return { kind: 'frame', frame: { verb, argument: step.frame.subarray(end + 1) }, used: step.used };
}
`,
    'events.ts': `/** What ${name} records beyond the shared events. */
export const events = {};
`,
    'options.ts': `/** Options of ${name}. */
import { z } from 'zod';
import { lureOptions } from '../kernel/lure.ts';

export const options = z.strictObject({
  lure: lureOptions.describe('Which logins are let in.'),
  maxLines: z
    .int()
    .positive()
    .max(1_000_000)
    .default(1000)
    .describe('Most lines answered in one connection; then it is closed.'),
});
export type Options = z.infer<typeof options>;
`,
    'replies.ts': `/** What the imitated server says, per version. */
import type { Persona } from '../surfaces/persona.ts';

export const productOf = (_persona: Persona): string => '${name} 1.0';

export const replies = {
  greeting: (persona: Persona): string => \`+OK \${persona.hostName} ready\\r\\n\`,
  password: '+OK password required\\r\\n',
  loggedIn: '+OK logged in\\r\\n',
  refused: '-ERR login failed\\r\\n',
  done: '+OK\\r\\n',
  loginFirst: '-ERR log in first\\r\\n',
  unknown: '-ERR unknown command\\r\\n',
  bye: '+OK bye\\r\\n',
};
`,
    'service.ts': `/** ${name}: see README.md. */
import { textFromBytes } from '../../events/index.ts';
import { framed } from '../kernel/codec.ts';
import { type CloseReason, type Connection, defineService, type Session } from '../kernel/contract.ts';
import { admits } from '../kernel/lure.ts';
import { decodeRequest, MAX_LINE, type Request } from './codec.ts';
import { events } from './events.ts';
import { type Options, options } from './options.ts';
import { productOf, replies } from './replies.ts';

class Dialogue implements Connection {
  private readonly session: Session;
  private readonly options: Options;
  private readonly requests = framed(decodeRequest, MAX_LINE + 2);
  private username = '';
  private loggedIn = false;
  private lines = 0;
  private over = false;

  constructor(session: Session, options: Options) {
    this.session = session;
    this.options = options;
    session.send(replies.greeting(session.persona));
  }

  data(chunk: Buffer): void {
    for (const step of this.requests.push(chunk)) {
      if (step.kind === 'malformed') {
        this.session.record('peer.malformed', { code: step.code });
        this.finish('protocol_error');
      } else this.answer(step.frame);
      if (this.over) return;
    }
  }

  private finish(reason: CloseReason): void {
    this.over = true;
    this.session.close(reason);
  }

  private answer({ verb, argument }: Request): void {
    this.lines += 1;
    if (this.lines > this.options.maxLines) {
      this.session.record('limit.reached', { limit: 'lines', value: this.options.maxLines });
      this.finish('limit');
      return;
    }
    const text = textFromBytes(argument);
    switch (verb) {
      case 'USER':
        this.username = text;
        this.session.send(replies.password);
        break;
      case 'PASS':
        this.login(text);
        break;
      case 'QUIT':
        this.session.send(replies.bye);
        this.finish('service_closed');
        break;
      case 'DO':
        this.session.record('command.input', { command: text });
        this.session.send(this.loggedIn ? replies.done : replies.loginFirst);
        break;
      default:
        this.session.send(replies.unknown);
    }
  }

  private login(password: string): void {
    const { session, username } = this;
    const accepted = admits(this.options.lure, username, (listed) => listed === password, session.attempt());
    session.record('auth.attempt', { username, password, mechanism: 'plain', accepted });
    this.loggedIn ||= accepted;
    session.send(accepted ? replies.loggedIn : replies.refused);
  }
}

export const ${constant} = defineService({
  name: '${name}',
  title: '${name}',
  transport: 'tcp',
  // The real port of the protocol; no two services share one.
  ports: [${portOf(name)}],
  personas: ['ubuntu-server'],
  options,
  events,
  product: productOf,
  open: (session, given) => new Dialogue(session, given),
});
`,
    'service.test.ts': `import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { conforms } from '../conformance.ts';
import { converse, play } from '../play.ts';
import { MAX_LINE } from './codec.ts';
import { ${constant} } from './service.ts';

/** What the client of a dialogue sends: its lines that begin with \`>\`. */
const sentIn = (file: string): string =>
  readFileSync(join(import.meta.dirname, 'fixtures', file), 'utf8')
    .split('\\n')
    .flatMap((line) => (line.startsWith('> ') ? [\`\${line.slice(2)}\\r\\n\`] : []))
    .join('');

conforms(${constant}, { login: sentIn('login.txt') });

test('a failed login keeps the password and the connection', () => {
  const conversation = converse(${constant});
  conversation.push('USER root\\r\\nPASS secret\\r\\n');
  const attempt = conversation.events.find((event) => event.type === 'auth.attempt');
  assert.deepEqual(attempt?.fields, { username: 'root', password: 'secret', mechanism: 'plain', accepted: false });
  assert.match(conversation.sent, /-ERR login failed/);
  assert.equal(conversation.closed, undefined);
});

test('a login of the lure is let in, and what follows is recorded', () => {
  const config = { options: { lure: { accept: 'list', logins: [{ username: 'root', password: 'toor' }] } } };
  const { events, sent } = play(${constant}, ['USER root\\nPASS toor\\nDO it\\n'], config);
  assert.deepEqual(
    events.map((event) => event.type),
    ['auth.attempt', 'command.input'],
  );
  assert.match(sent, /logged in\\r\\n\\+OK\\r\\n$/);
});

test('a line that is too long ends the connection and is recorded', () => {
  const { events, closed } = play(${constant}, ['x'.repeat(MAX_LINE + 10)]);
  assert.equal(events.at(-1)?.type, 'peer.malformed');
  assert.equal(closed, 'protocol_error');
});

test('the bound on lines is said and held', () => {
  const { events, closed } = play(${constant}, ['DO a\\nDO b\\nDO c\\n'], { options: { maxLines: 2 } });
  assert.deepEqual(events.at(-1)?.fields, { limit: 'lines', value: 2 });
  assert.equal(closed, 'limit');
});
`,
    'fixtures/login.txt': `# A dialogue of the skeleton, made by hand. Replace it with what a real client sends, and name the client and its version here.
< +OK ready
> USER root
< +OK password required
> PASS secret
< -ERR login failed
> DO something
< -ERR log in first
> QUIT
< +OK bye
`,
    'README.md': `# ${name}

Which server and version this is, on which personas, and where its answers were seen.

## Records

| event | when |
| --- | --- |
| \`auth.attempt\` | each PASS (\`plain\`) |
| \`command.input\` | each DO |
| \`peer.malformed\` | a line that is too long |
| \`limit.reached\` | the bound on lines |

## Not imitated

Everything but the login.
`,
  };
}

const FIRST_FREE_PORT = 20_000;
const FREE_PORTS = 10_000;

/** A port that hardly collides with that of another new protocol, until the real one is filled in. */
function portOf(name: string): number {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.charCodeAt(0)) % FREE_PORTS;
  return FIRST_FREE_PORT + sum;
}
