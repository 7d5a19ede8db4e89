/** One statement to its answer. */
import { errors, type MysqlError } from '../replies.ts';
import type { Outcome, Value } from '../results.ts';
import {
  ignoreRest,
  runCreate,
  runDelete,
  runDrop,
  runInsert,
  runTruncate,
  runUpdate,
  writeResult,
} from './changes.ts';
import type { SqlContext } from './context.ts';
import { Cursor, syntaxErrorAt } from './parser.ts';
import { queryParser, runQuery } from './select.ts';
import { runDescribe, runShow } from './show.ts';
import { splitStatements, type Token, tokenize } from './tokens.ts';
import { kept } from './world.ts';

/** Statements of one COM_QUERY that are answered. */
export const MAX_STATEMENTS = 64;
/** Prepared statements by name. */
const MAX_PREPARED = 64;
const MAX_PREPARED_TEXT = 65_536;
/** EXECUTE of an EXECUTE. */
const MAX_EXECUTE_DEPTH = 4;

const failed = (error: MysqlError): Outcome => ({ kind: 'error', error });
const done: Outcome = { kind: 'ok', affected: 0 };

/** Statements that change nothing which a client could see later. */
const ACKNOWLEDGED: ReadonlySet<string> = new Set(
  'ALTER GRANT REVOKE FLUSH LOCK UNLOCK BEGIN START COMMIT ROLLBACK SAVEPOINT RELEASE RENAME RESET PURGE KILL INSTALL UNINSTALL CHANGE STOP DO XA'.split(
    ' ',
  ),
);
const TABLE_TASKS: ReadonlySet<string> = new Set(['ANALYZE', 'CHECK', 'OPTIMIZE', 'REPAIR']);

/** The outcomes of all statements of a text, up to the first error. `many` is whether the client may send several at once. */
export function runText(text: string, context: SqlContext, many: boolean): Outcome[] {
  context.refill();
  const { tokens, stuckAt } = tokenize(text);
  const statements = splitStatements(tokens);
  if (tokens.length === 0) return [failed(stuckAt === undefined ? errors.emptyQuery : syntaxErrorAt(text, stuckAt))];
  if (!many && statements.length > 1) return [failed(syntaxErrorAt(text, statements[1]?.[0]?.from ?? text.length))];
  const outcomes: Outcome[] = [];
  for (const [index, statement] of statements.slice(0, MAX_STATEMENTS).entries()) {
    const last = index === statements.length - 1;
    const outcome =
      last && stuckAt !== undefined ? failed(syntaxErrorAt(text, stuckAt)) : runStatement(statement, text, context);
    outcomes.push(outcome);
    if (outcome.kind === 'error') break;
  }
  return outcomes;
}

export function runStatement(tokens: readonly Token[], source: string, context: SqlContext, depth = 0): Outcome {
  const cursor = new Cursor(tokens, source);
  if (cursor.done) return failed(errors.emptyQuery);
  context.questions += 1;
  const outcome = dispatch(cursor, context, depth);
  return cursor.problem === undefined ? outcome : failed(cursor.problem);
}

function dispatch(cursor: Cursor, context: SqlContext, depth: number): Outcome {
  if (cursor.isWord('SELECT') || cursor.isOperator('(')) return runSelect(cursor, context);
  const { peek } = cursor;
  const verb = peek.kind === 'word' ? peek.text.toUpperCase() : '';
  if (verb !== '') cursor.next();
  switch (verb) {
    case 'SHOW':
      return runShow(cursor, context);
    case 'DESCRIBE':
    case 'DESC':
    case 'EXPLAIN':
      return runDescribe(cursor, context);
    case 'USE':
      return selectDatabase(context, cursor.name());
    case 'SET':
      return runSet(cursor, context);
    case 'INSERT':
    case 'REPLACE':
      return runInsert(cursor, context);
    case 'UPDATE':
      return runUpdate(cursor, context);
    case 'DELETE':
      return runDelete(cursor, context);
    case 'TRUNCATE':
      return runTruncate(cursor, context);
    case 'CREATE':
      return runCreate(cursor, context);
    case 'DROP':
      return runDrop(cursor, context);
    case 'LOAD':
      return runLoad(cursor, context);
    case 'PREPARE':
      return runPrepare(cursor, context);
    case 'EXECUTE':
      return runExecute(cursor, context, depth);
    case 'DEALLOCATE':
      return cursor.accept('PREPARE') && context.prepared.delete(cursor.name().toLowerCase())
        ? done
        : failed(errors.unknownStatement(0, 'DEALLOCATE PREPARE'));
    case 'CALL':
      return runCall(cursor, context);
    default:
      if (ACKNOWLEDGED.has(verb)) return ignoreRest(cursor);
      if (TABLE_TASKS.has(verb)) return runTableTask(cursor, context, verb.toLowerCase());
      cursor.at = 0;
      cursor.syntaxError();
      return done;
  }
}

function runSelect(cursor: Cursor, context: SqlContext): Outcome {
  const query = queryParser(cursor, context).query();
  if (!cursor.done) cursor.syntaxError();
  if (cursor.problem !== undefined) return failed(cursor.problem);
  const result = runQuery(query, context);
  if ('code' in result) return failed(result);
  return query.into === undefined ? { kind: 'rows', result } : writeResult(result, query.into, context);
}

export function selectDatabase(context: SqlContext, name: string): Outcome {
  const found = context.world.find(name);
  if (found === undefined) return failed(errors.unknownDatabase(name));
  context.database = found[0];
  return done;
}

/** SET of user and system variables. NAMES, CHARACTER SET, PASSWORD and TRANSACTION are taken as they are. */
function runSet(cursor: Cursor, context: SqlContext): Outcome {
  if (cursor.isWord('NAMES', 'CHARACTER', 'CHARSET', 'PASSWORD', 'TRANSACTION', 'ROLE', 'DEFAULT'))
    return ignoreRest(cursor);
  const { expressions } = queryParser(cursor, context);
  do {
    if (cursor.isWord('GLOBAL', 'SESSION', 'LOCAL', 'PERSIST', 'PERSIST_ONLY')) cursor.next();
    if (cursor.accept('TRANSACTION')) return ignoreRest(cursor);
    const user = cursor.peek.kind === 'variable' && !cursor.peek.text.startsWith('@@');
    const name = cursor.peek.kind === 'variable' ? cursor.next().text : cursor.name();
    if (cursor.acceptOperator('=', ':=') === undefined) cursor.syntaxError();
    // A word on the right is a value (ON, DEFAULT, utf8mb4), not a column.
    const bare =
      !user && cursor.peek.kind === 'word' && !['(', '.'].includes(cursor.look(1).text)
        ? cursor.next().text
        : undefined;
    const scope = context.scope();
    const value: Value = bare ?? expressions.parse().evaluate(scope);
    if (scope.problem !== undefined) return failed(scope.problem);
    if (cursor.problem !== undefined) return failed(cursor.problem);
    if (user) context.assign(name, value);
    else {
      const plain = name.replace(/^@@/, '').replace(/^(?:global|session|local|persist)\./i, '');
      if (!context.setSystem(plain, switched(value)) && !OTHER_SETTINGS.test(plain))
        return failed(errors.unknownVariable(plain));
    }
  } while (cursor.acceptOperator(',') !== undefined);
  if (!cursor.done) cursor.syntaxError();
  return done;
}

const switched = (value: Value): Value =>
  typeof value === 'string' && /^(?:on|off)$/i.test(value) ? value.toUpperCase() : value;

/** Settings that dumps and drivers set and that our list does not show. */
const OTHER_SETTINGS =
  /^(?:foreign_key_checks|sql_\w+|net_\w+|session_\w+|tx_\w+|transaction_\w+|innodb_\w+|max_\w+|optimizer_\w+|profiling\w*|group_concat_max_len|gtid_\w+|old_\w+|time_zone|lock_wait_timeout|character_set_\w+|collation_\w+|storage_engine|log_\w+|slow_\w+|long_query_time|lc_\w+|query_cache_\w+|auto_increment_\w+|big_tables|binlog_\w+|ft_\w+|key_buffer_size|read_\w+|sort_buffer_size|tmp_table_size|insert_id|last_insert_id|timestamp|validate_password\S*|show_\w+|resultset_metadata|information_schema_\w+)$/i;

function runLoad(cursor: Cursor, context: SqlContext): Outcome {
  const wantsLocal = cursor.tokens.some((token) => token.kind === 'word' && token.text.toUpperCase() === 'LOCAL');
  ignoreRest(cursor);
  if (wantsLocal)
    return failed(
      context.client.face.series === '8.0'
        ? {
            code: 3948,
            state: '42000',
            message: 'Loading local data is disabled; this must be enabled on both the client and server sides',
          }
        : { code: 1148, state: '42000', message: 'The used command is not allowed with this MySQL version' },
    );
  const path = cursor.tokens.find((token) => token.kind === 'string')?.text ?? '';
  return failed({
    code: 13,
    state: 'HY000',
    message: `Can't get stat of '${path.slice(0, 200)}' (OS errno 2 - No such file or directory)`,
  });
}

function runPrepare(cursor: Cursor, context: SqlContext): Outcome {
  const name = cursor.name().toLowerCase();
  if (!cursor.accept('FROM')) cursor.syntaxError();
  const text = cursor.peek.kind === 'variable' ? context.variable(cursor.next().text) : cursor.string();
  if (cursor.problem !== undefined) return failed(cursor.problem);
  if (typeof text !== 'string') return failed(errors.syntax('', 1));
  if (text.length > MAX_PREPARED_TEXT || name.length > 64) return failed(errors.packetTooLarge);
  if (context.prepared.size < MAX_PREPARED || context.prepared.has(name)) context.prepared.set(kept(name), kept(text));
  return done;
}

function runExecute(cursor: Cursor, context: SqlContext, depth: number): Outcome {
  const name = cursor.name();
  const text = context.prepared.get(name.toLowerCase());
  if (cursor.problem !== undefined) return failed(cursor.problem);
  if (text === undefined || depth >= MAX_EXECUTE_DEPTH)
    return failed({
      code: 1243,
      state: 'HY000',
      message: `Unknown prepared statement handler (${name.slice(0, 64)}) given to EXECUTE`,
    });
  const given: Value[] = [];
  if (cursor.accept('USING'))
    do given.push(context.variable(cursor.next().text) ?? null);
    while (cursor.acceptOperator(',') !== undefined);
  const outer = context.parameters;
  context.parameters = given;
  const { tokens, stuckAt } = tokenize(text);
  const outcome =
    stuckAt === undefined ? runStatement(tokens, text, context, depth + 1) : failed(syntaxErrorAt(text, stuckAt));
  context.parameters = outer;
  return outcome;
}

function runCall(cursor: Cursor, context: SqlContext): Outcome {
  const { schema, name } = cursor.qualifiedName();
  ignoreRest(cursor);
  return failed({
    code: 1305,
    state: '42000',
    message: `PROCEDURE ${schema ?? context.database ?? ''}.${name.slice(0, 64)} does not exist`,
  });
}

function runTableTask(cursor: Cursor, context: SqlContext, task: string): Outcome {
  cursor.accept('TABLE');
  const rows: Value[][] = [];
  do {
    const { schema, name } = cursor.qualifiedName();
    rows.push([`${schema ?? context.database ?? ''}.${name}`, task, 'status', 'OK']);
  } while (cursor.acceptOperator(',') !== undefined);
  const columns = ['Table', 'Op', 'Msg_type', 'Msg_text'].map((name) => ({ name, type: 'text' as const }));
  ignoreRest(cursor);
  return { kind: 'rows', result: { columns, rows } };
}
