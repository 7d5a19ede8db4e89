/** The command phase (internals manual, "Command Phase"): what a client that is logged in asks, and the packets that answer it. */
import { MAX_LONG_TEXT, MAX_SHORT_TEXT, textFromBytes } from '../../events/index.ts';
import type { Session } from '../kernel/contract.ts';
import { CLIENT, has, Reader, STATUS } from './codec.ts';
import { type ChangeUser, decodeChangeUser } from './handshake.ts';
import { Statements } from './prepared.ts';
import { errors } from './replies.ts';
import { encodeColumn, encodeEof, encodeError, encodeOk, encodeOutcome, type Outcome, type Value } from './results.ts';
import { type Identified, SqlContext } from './sql/context.ts';
import { runText, selectDatabase } from './sql/statements.ts';
import { columnsOf, findTable, made, PROCESS_COLUMNS, processes, status } from './sql/tables.ts';
import { uptimeSeconds } from './sql/variables.ts';

export const COM = {
  quit: 1,
  initDb: 2,
  query: 3,
  fieldList: 4,
  refresh: 7,
  shutdown: 8,
  statistics: 9,
  processInfo: 10,
  processKill: 12,
  debug: 13,
  ping: 14,
  changeUser: 17,
  binlogDump: 18,
  registerSlave: 21,
  prepare: 22,
  execute: 23,
  sendLongData: 24,
  closeStatement: 25,
  resetStatement: 26,
  setOption: 27,
  resetConnection: 31,
} as const;

/** URLs looked for in one call, and their length. */
const MAX_URLS = 16;
const URL_PATTERN = /\b(?:https?|ftp|tftp):\/\/[^\s'"<>|;)\\]{1,2048}/gi;

export type CommandAnswer =
  | { kind: 'packets'; packets: Buffer[] }
  | { kind: 'change_user'; request: ChangeUser }
  | { kind: 'disconnect'; packets: Buffer[] }
  | { kind: 'quit' }
  | { kind: 'none' };

export interface LoggedIn extends Identified {
  capabilities: number;
}

export class Commands {
  private readonly session: Session;
  private readonly login: LoggedIn;
  private readonly context: SqlContext;
  private readonly statements: Statements;
  private many: boolean;

  constructor(session: Session, login: LoggedIn) {
    this.session = session;
    this.login = login;
    this.many = has(login.capabilities, CLIENT.multiStatements);
    this.context = new SqlContext(session, login, {
      wroteFile: (name, content) => this.wroteFile(name, content),
      calledLibrary: (name, args) => this.calledLibrary(name, args),
    });
    this.statements = new Statements(session, this.context, login.capabilities);
  }

  closed(): void {
    this.statements.clear();
  }

  answer(payload: Buffer): CommandAnswer {
    const body = payload.subarray(1);
    switch (payload[0] ?? 0) {
      case COM.quit:
        return { kind: 'quit' };
      case COM.query:
        return this.query(body);
      case COM.initDb:
        this.record(`USE ${textFromBytes(body.subarray(0, MAX_SHORT_TEXT))}`, 'COM_INIT_DB');
        return this.outcomes([selectDatabase(this.context, body.toString('latin1'))]);
      case COM.ping:
      case COM.refresh:
      case COM.debug:
        return this.ok();
      case COM.fieldList:
        return this.fieldList(body);
      case COM.statistics:
        return packets(Buffer.from(this.statistics(), 'latin1'));
      case COM.processInfo:
        return this.outcomes([processList(this.context)]);
      case COM.processKill:
        this.command('COM_PROCESS_KILL');
        return this.error({
          code: 1094,
          state: 'HY000',
          message: `Unknown thread id: ${body.length >= 4 ? body.readUInt32LE(0) : 0}`,
        });
      case COM.shutdown:
        this.command('COM_SHUTDOWN');
        return this.error({
          code: 1227,
          state: '42000',
          message: 'Access denied; you need (at least one of) the SHUTDOWN privilege(s) for this operation',
        });
      case COM.binlogDump:
      case COM.registerSlave:
        this.command(payload[0] === COM.binlogDump ? 'COM_BINLOG_DUMP' : 'COM_REGISTER_SLAVE');
        return this.error({
          code: 1227,
          state: '42000',
          message: 'Access denied; you need (at least one of) the REPLICATION SLAVE privilege(s) for this operation',
        });
      case COM.changeUser:
        return this.changeUser(body);
      case COM.setOption:
        return this.setOption(body);
      case COM.resetConnection:
        this.statements.clear();
        return this.ok();
      default:
        return this.statement(payload[0] ?? 0, body);
    }
  }

  private statement(command: number, body: Buffer): CommandAnswer {
    switch (command) {
      case COM.prepare:
        this.recordBytes(body, 'COM_STMT_PREPARE');
        return { kind: 'packets', packets: this.statements.prepare(body) };
      case COM.execute:
        return { kind: 'packets', packets: this.statements.execute(body) };
      case COM.sendLongData:
        this.statements.longData(body);
        return { kind: 'none' };
      case COM.closeStatement:
        this.statements.close(body);
        return { kind: 'none' };
      case COM.resetStatement:
        return { kind: 'packets', packets: this.statements.reset(body) };
      default:
        this.session.record('peer.malformed', {
          code: 'unknown_command',
          bytes: textFromBytes(Buffer.concat([Buffer.from([command]), body.subarray(0, 511)])),
        });
        return this.error(errors.unknownCommand);
    }
  }

  private query(body: Buffer): CommandAnswer {
    const text = this.statementText(body);
    if (text === undefined) return this.error(errors.malformedPacket);
    this.recordBytes(text, undefined);
    return this.outcomes(runText(text.toString('latin1'), this.context, this.many));
  }

  /** 8.0.23 and later put query attributes before the text: a count, always one set, then as with prepared statements. */
  private statementText(body: Buffer): Buffer | undefined {
    if (!has(this.login.capabilities, CLIENT.queryAttributes)) return body;
    const reader = new Reader(body);
    const count = reader.lengthEncoded();
    reader.lengthEncoded();
    if (count > 0 && !this.statements.skipParameters(reader, count, true)) return undefined;
    return reader.ok ? reader.rest() : undefined;
  }

  private fieldList(body: Buffer): CommandAnswer {
    const reader = new Reader(body);
    const name = reader.terminated().toString('latin1');
    this.record(
      `SHOW FIELDS FROM ${textFromBytes(Buffer.from(name, 'latin1')).slice(0, MAX_SHORT_TEXT)}`,
      'COM_FIELD_LIST',
    );
    const found = findTable(this.context, undefined, name);
    if ('code' in found) return this.error(found);
    const { capabilities } = this.login;
    // NULL stands for the default of every column.
    const rows = columnsOf(found.table).map((column) =>
      Buffer.concat([encodeColumn({ ...column, schema: found.schema }, capabilities), Buffer.from([0xfb])]),
    );
    const last = has(capabilities, CLIENT.deprecateEof)
      ? encodeOk({ header: 0xfe }, capabilities)
      : encodeEof(STATUS.autocommit, capabilities);
    return { kind: 'packets', packets: [...rows, last] };
  }

  private statistics(): string {
    const known = status(this.context);
    const uptime = uptimeSeconds(this.context.facts);
    const questions = Number(known.get('Queries') ?? 0);
    return `Uptime: ${uptime}  Threads: 2  Questions: ${questions}  Slow queries: 0  Opens: ${known.get('Opened_tables')}  Flush tables: 3  Open tables: ${known.get('Open_tables')}  Queries per second avg: ${(questions / uptime).toFixed(3)}`;
  }

  private changeUser(body: Buffer): CommandAnswer {
    const request = decodeChangeUser(body, this.login.capabilities);
    if (request !== undefined) return { kind: 'change_user', request };
    this.session.record('peer.malformed', { code: 'change_user_packet', bytes: textFromBytes(body.subarray(0, 512)) });
    return { kind: 'disconnect', packets: [encodeError(errors.unknownCommand, this.login.capabilities)] };
  }

  private setOption(body: Buffer): CommandAnswer {
    const option = body.length >= 2 ? body.readUInt16LE(0) : -1;
    if (option !== 0 && option !== 1) return this.error(errors.unknownCommand);
    this.many = option === 0;
    const { capabilities } = this.login;
    return packets(
      has(capabilities, CLIENT.deprecateEof)
        ? encodeOk({ header: 0xfe }, capabilities)
        : encodeEof(STATUS.autocommit, capabilities),
    );
  }

  private ok(): CommandAnswer {
    return packets(encodeOk({}, this.login.capabilities));
  }

  private error(error: { code: number; state: string; message: string }): CommandAnswer {
    return packets(encodeError(error, this.login.capabilities));
  }

  private outcomes(list: readonly Outcome[]): CommandAnswer {
    const encoded = list.map((outcome, i) =>
      encodeOutcome(outcome, this.login.capabilities, 'text', i < list.length - 1),
    );
    return { kind: 'packets', packets: encoded.flat() };
  }

  private command(name: string): void {
    this.session.record('command.input', { command: name });
  }

  private record(statement: string, command: string | undefined): void {
    this.session.record('query', {
      statement: statement.slice(0, MAX_LONG_TEXT),
      ...(command === undefined ? {} : { detail: { command } }),
    });
  }

  /** A statement that is longer than an event holds is kept whole as an artifact. */
  private recordBytes(bytes: Buffer, command: string | undefined): void {
    const text = textFromBytes(bytes.subarray(0, MAX_LONG_TEXT));
    if (bytes.length > MAX_LONG_TEXT || text.length > MAX_LONG_TEXT) {
      this.session.record('limit.reached', { limit: 'statement_bytes', value: bytes.length });
      this.session.capture(bytes, { via: 'query' });
    }
    this.record(text, command);
  }

  private wroteFile(name: string, content: string): void {
    const path = textFromBytes(Buffer.from(name, 'latin1').subarray(0, MAX_SHORT_TEXT)).slice(0, MAX_SHORT_TEXT);
    this.session.capture(Buffer.from(content, 'latin1'), { name: path, via: 'dumpfile' });
  }

  /** Functions of an attacker's library mostly run what they are given. */
  private calledLibrary(name: string, args: readonly string[]): void {
    const words = args.map((part) => textFromBytes(Buffer.from(part.slice(0, MAX_LONG_TEXT), 'latin1')));
    const command = words.join(' ').slice(0, MAX_LONG_TEXT);
    this.session.record('command.input', { command, detail: { function: name.slice(0, 256) } });
    const urls = [...command.matchAll(URL_PATTERN)].slice(0, MAX_URLS).map(([url]) => url);
    if (urls.length > 0) this.session.record('file.requested', { urls, command });
  }
}

const packets = (...list: Buffer[]): CommandAnswer => ({ kind: 'packets', packets: list });

function processList(context: SqlContext): Outcome {
  const table = made('PROCESSLIST', PROCESS_COLUMNS, processes(context, ''));
  return { kind: 'rows', result: { columns: columnsOf(table), rows: table.rows as Value[][] } };
}
