/** What a client that is logged in asks for: batches, procedure calls, transactions, bulk data, attention. */
import { textFromBytes, textFromUtf16 } from '../../events/index.ts';
import type { Session } from '../kernel/contract.ts';
import type { Channel } from './channel.ts';
import { type Message, PACKET } from './codec.ts';
import { urlsIn } from './command-shell.ts';
import type { Dialect } from './dialect.ts';
import type { Login } from './login.ts';
import type { MssqlOptions } from './options.ts';
import { databaseChanged, type SqlServer } from './replies.ts';
import { afterHeaders, decodeRpc, type Parameter, type RpcCall } from './rpc.ts';
import { openInterpreter } from './sql/interpreter.ts';
import type { Outcome } from './sql/outcomes.ts';
import { toText, type Value } from './sql/values.ts';
import { DONE, ENV, TokenWriter } from './tokens.ts';

export interface RequestParts {
  session: Session;
  options: MssqlOptions;
  server: SqlServer;
  dialect: Dialect;
  channel: Channel;
  login: Login;
  /** `sa` or `DOMAIN\user`. */
  user: string;
  database: string;
  encrypted: boolean;
}

export interface Requests {
  message(message: Message): void;
}

/** Commands named in DONE (MS-TDS §2.2.7.6). */
const COMMAND = { none: 0, select: 0xc1, execute: 0xe0, insert: 0xc3 } as const;
const MAX_SAMPLE = 512;
/** Statements that one connection keeps prepared. */
const MAX_PREPARED = 256;
/** Parameters shown with a recorded call, and characters of each. */
const MAX_SHOWN = 100;
const MAX_SHOWN_TEXT = 1000;
/** A reply longer than this is sent before it is complete. */
const MAX_REPLY = 4 * 1_048_576;

export function openRequests(parts: RequestParts): Requests {
  const { session, channel, dialect, options, server, login } = parts;
  const prepared = new Map<number, string>();
  let handles = 0;
  let bulkBytes = 0;
  const interpreter = openInterpreter({
    persona: session.persona,
    server,
    user: parts.user,
    client: login.host,
    app: login.app,
    peer: session.peer.address,
    address: session.local.address,
    port: session.local.port,
    encrypted: parts.encrypted,
    spid: channel.spid,
    language: login.language || 'us_english',
    database: parts.database,
    maxStatements: options.maxStatements,
    now: () => session.now(),
    random: (bytes) => session.random(bytes),
    command(command) {
      session.record('command.input', { command, detail: { via: 'xp_cmdshell' } });
      const urls = urlsIn(command);
      if (urls.length > 0) session.record('file.requested', { urls, command });
    },
    limit: (limit, value) => session.record('limit.reached', { limit, value }),
  });
  const writer = (): TokenWriter => new TokenWriter(dialect, server.hostName);

  function malformed(code: string, body: Buffer): void {
    session.record('peer.malformed', { code, bytes: textFromBytes(body.subarray(0, MAX_SAMPLE)) });
    session.close('protocol_error');
  }

  function batch(body: Buffer): void {
    const start = afterHeaders(body, dialect);
    if (start === undefined) {
      malformed('all_headers', body);
      return;
    }
    const bytes = body.subarray(start);
    const statement = dialect.wide ? textFromUtf16(bytes) : textFromBytes(bytes);
    session.record('query', { statement, detail: { via: 'batch' } });
    const text = dialect.wide ? bytes.toString('utf16le') : statement;
    const out = writer();
    write(out, interpreter.run(text), 'done', true);
    channel.reply(out.bytes());
  }

  function rpc(body: Buffer): void {
    const decoded = decodeRpc(body, dialect);
    for (const call of decoded.calls) recordCall(call);
    if (decoded.kind === 'malformed' && decoded.calls.length === 0) {
      malformed(decoded.code, body);
      return;
    }
    if (decoded.kind === 'malformed')
      session.record('peer.malformed', { code: decoded.code, bytes: textFromBytes(body.subarray(0, MAX_SAMPLE)) });
    const out = writer();
    decoded.calls.forEach((call, i) => {
      answerCall(call, out, i === decoded.calls.length - 1);
    });
    if (decoded.calls.length === 0) out.done('done', 0, COMMAND.none);
    channel.reply(out.bytes());
  }

  /** The statement in a call, and the place of its first own parameter. */
  function statementOf(call: RpcCall): { text: string; from: number } | undefined {
    const at = (i: number): string => toText(call.parameters[i]?.value ?? { type: 'int', cell: null }) ?? '';
    switch (call.procedure.toLowerCase()) {
      case 'sp_executesql':
        return { text: at(0), from: 2 };
      case 'sp_prepare':
        return { text: at(2), from: call.parameters.length };
      case 'sp_prepexec':
        return { text: at(2), from: 3 };
      case 'sp_execute':
        return { text: prepared.get(Number(at(0))) ?? '', from: 1 };
      case 'sp_cursoropen':
        return { text: at(1), from: call.parameters.length };
      default:
        return undefined;
    }
  }

  function recordCall(call: RpcCall): void {
    const statement = statementOf(call);
    const own = statement === undefined ? call.parameters : call.parameters.slice(statement.from);
    const parameters = own.slice(0, MAX_SHOWN).map(shown);
    session.record('query', {
      statement:
        statement?.text ?? `EXEC ${call.procedure}${parameters.length === 0 ? '' : ` ${parameters.join(', ')}`}`,
      detail: { via: 'rpc', procedure: call.procedure, parameters },
    });
  }

  function bound(parameters: readonly Parameter[]): Map<string, Value> {
    return new Map(parameters.map((one, i) => [one.name === '' ? `@p${i + 1}` : one.name, one.value]));
  }

  function prepare(text: string): number {
    handles += 1;
    if (prepared.size < MAX_PREPARED) prepared.set(handles, text);
    else session.record('limit.reached', { limit: 'prepared statements', value: MAX_PREPARED });
    return handles;
  }

  function answerCall(call: RpcCall, out: TokenWriter, last: boolean): void {
    const name = call.procedure.toLowerCase();
    const statement = statementOf(call);
    let outcomes: Outcome[] = [];
    let handle: number | undefined;
    let status = 0;
    if (statement === undefined && name !== 'sp_unprepare') {
      const args = call.parameters.map(({ name: as, value }) => ({ name: as === '' ? undefined : as, value }));
      const made = interpreter.call(call.procedure, args);
      const only = made[0];
      if (made.length === 1 && only?.kind === 'procedure') {
        outcomes = only.outcomes;
        status = only.status;
      } else outcomes = made;
    } else if (name === 'sp_unprepare') {
      prepared.delete(Number(call.parameters[0]?.value.cell));
    } else if (statement !== undefined) {
      if (name === 'sp_prepare' || name === 'sp_prepexec') handle = prepare(statement.text);
      if (name !== 'sp_prepare')
        outcomes = interpreter.run(statement.text, bound(call.parameters.slice(statement.from)));
    }
    const wrong = write(out, outcomes, 'doneInProc', false);
    out.returnStatus(wrong ? 1 : status);
    if (handle !== undefined) out.returnInt(0, call.parameters[0]?.name ?? '', handle);
    out.done('doneProc', (wrong ? DONE.error : 0) | (last ? 0 : DONE.more), COMMAND.execute);
  }

  /** Writes outcomes; the last ends the reply where `ends`. Says whether an error was among them. */
  function write(out: TokenWriter, outcomes: readonly Outcome[], kind: 'done' | 'doneInProc', ends: boolean): boolean {
    let wrong = false;
    let closed = false;
    outcomes.forEach((outcome, i) => {
      const more = ends && !outcomes.slice(i + 1).some(closes) ? 0 : DONE.more;
      if (out.length > MAX_REPLY) return;
      switch (outcome.kind) {
        case 'rows':
          out.columns(outcome.columns);
          for (const row of outcome.rows) out.row(outcome.columns, row);
          out.done(kind, DONE.count | more, COMMAND.select, outcome.rows.length);
          break;
        case 'done':
          if (outcome.rows === undefined) out.done(kind, more, COMMAND.none);
          else out.done(kind, DONE.count | more, COMMAND.insert, outcome.rows);
          break;
        case 'message':
          out.message(outcome.message);
          if (outcome.message.class > 10) {
            wrong = true;
            if (kind === 'done') out.done(kind, DONE.error | more, COMMAND.none);
          }
          break;
        case 'database':
          out.environment(ENV.database, outcome.now, outcome.before).message(databaseChanged(outcome.now));
          out.done(kind, more, COMMAND.none);
          break;
        case 'procedure': {
          const failed = write(out, outcome.outcomes, 'doneInProc', false);
          out.returnStatus(outcome.status);
          out.done('doneProc', more | (failed ? DONE.error : 0), COMMAND.execute);
          wrong = wrong || failed;
          break;
        }
      }
      closed = closed || closes(outcome);
    });
    if (ends && !closed) out.done('done', 0, COMMAND.none);
    return wrong;
  }

  /** Transaction manager requests (§2.2.6.9). */
  function transaction(body: Buffer): void {
    const start = afterHeaders(body, dialect);
    if (start === undefined || body.length < start + 2) {
      malformed('transaction_request', body);
      return;
    }
    const request = body.readUInt16LE(start);
    const name = TRANSACTIONS[request];
    session.record('query', { statement: name ?? `TRANSACTION REQUEST ${request}`, detail: { via: 'transaction' } });
    const out = writer();
    if (request === 5) out.transaction(8, session.random(8), undefined);
    if (request === 7) out.transaction(9, undefined, Buffer.alloc(8));
    if (request === 8) out.transaction(10, undefined, Buffer.alloc(8));
    channel.reply(out.done('done', 0, COMMAND.none).bytes());
  }

  return {
    message(message) {
      if (message.bytes > message.body.length)
        session.record('limit.reached', { limit: 'message bytes', value: options.maxMessageBytes });
      switch (message.type) {
        case PACKET.batch:
          return batch(message.body);
        case PACKET.rpc:
          return rpc(message.body);
        case PACKET.transaction:
          return transaction(message.body);
        case PACKET.attention:
          return channel.reply(writer().done('done', DONE.attention, COMMAND.none).bytes());
        case PACKET.bulk:
          bulkBytes += message.bytes;
          session.record('query', {
            statement: 'BULK DATA',
            detail: { via: 'bulk', bytes: message.bytes, total_bytes: bulkBytes },
          });
          return channel.reply(writer().done('done', DONE.count, COMMAND.insert, 0).bytes());
        default:
          return malformed('tds_order', message.body);
      }
    },
  };
}

const TRANSACTIONS: Readonly<Record<number, string>> = {
  0: 'GET DTC ADDRESS',
  5: 'BEGIN TRANSACTION',
  7: 'COMMIT TRANSACTION',
  8: 'ROLLBACK TRANSACTION',
  9: 'SAVE TRANSACTION',
};

/** Whether an outcome writes a token of the DONE family in a batch. */
function closes(outcome: Outcome): boolean {
  return outcome.kind !== 'message' || outcome.message.class > 10;
}

function shown({ name, type, value }: Parameter): string {
  const text = toText(value);
  const written =
    text === null
      ? 'NULL'
      : Buffer.isBuffer(value.cell)
        ? `0x${value.cell.toString('hex')}`
        : value.type === 'nvarchar'
          ? `'${text}'`
          : text;
  return `${name === '' ? '' : `${name} `}${type}=${written.slice(0, MAX_SHOWN_TEXT)}`;
}
