/**
 * What a client says in each kind of attempt. Every attempt carries a token of its own in what a server can record of it, so that afterwards each can be
 * looked for in the records. All tokens of a run have one length: the bare server counts on the same number of bytes.
 */
import * as mysql from './mysql.ts';
import * as tds from './tds.ts';
import { readTelnet } from './telnet.ts';

export const MODES = [
  'tcp-connect',
  'http-get',
  'ftp-login',
  'mysql-login',
  'mssql-login',
  'telnet-login',
  'telnet-shell',
] as const;
export type Mode = (typeof MODES)[number];

/** What to do next; `done` says that the exchange is complete, and ends it after what is to be sent. */
export interface Action {
  send?: Buffer | string;
  /** Ends our side and waits for the server to end its own. */
  halfClose?: true;
  done?: true;
}

export interface Conversation {
  connected(): Action | undefined;
  /** Gets everything received so far; undefined waits for more. Asked again until it has nothing to do. */
  received(bytes: Buffer): Action | undefined;
  /** The server has ended its side: whether the exchange counts as complete. */
  ended(): boolean;
}

/** The token of an attempt: what is sent as user name or in the request. */
export const tokenOf = (run: string, index: number): string => `tk${run}x${String(index).padStart(8, '0')}`;
/** The index in a token of this run. */
export function indexOf(run: string, token: string): number | undefined {
  const digits = token.startsWith(`tk${run}x`) ? token.slice(run.length + 3) : '';
  return /^\d{8}$/.test(digits) ? Number(digits) : undefined;
}
export const passwordOf = (token: string): string => `p-${token}`;

/** What a telnet shell session leaves behind: one file. */
export const shellCommand = (token: string): string => `echo ${token} > /tmp/.${token}`;

function tcpConnect(): Conversation {
  return { connected: () => ({ halfClose: true }), received: () => undefined, ended: () => true };
}

function httpGet(token: string): Conversation {
  let answered = false;
  const request = `GET /?t=${token} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: load/${token}\r\nConnection: close\r\n\r\n`;
  return {
    connected: () => ({ send: request }),
    received(bytes) {
      answered = true;
      const head = bytes.indexOf('\r\n\r\n');
      if (head < 0) return undefined;
      const length = /content-length: *(\d+)/i.exec(bytes.toString('latin1', 0, head))?.[1];
      return length !== undefined && bytes.length >= head + 4 + Number(length) ? { done: true } : undefined;
    },
    ended: () => answered,
  };
}

function ftpLogin(token: string): Conversation {
  let step = 0;
  return {
    connected: () => undefined,
    received(bytes) {
      const replies = bytes.toString('latin1').match(/^\d{3} .*\r\n/gm)?.length ?? 0;
      if (replies <= step) return undefined;
      step += 1;
      if (step === 1) return { send: `USER ${token}\r\n` };
      if (step === 2) return { send: `PASS ${passwordOf(token)}\r\n` };
      return { send: 'QUIT\r\n', done: true };
    },
    ended: () => step >= 3,
  };
}

function mysqlLogin(token: string): Conversation {
  let step = 0;
  let read = 0;
  return {
    connected: () => undefined,
    received(bytes) {
      const end = mysql.packetEnd(bytes, read);
      if (end === undefined) return undefined;
      const packet = bytes.subarray(read, end);
      read = end;
      step += 1;
      if (step === 1) return { send: mysql.loginPacket(token, passwordOf(token), mysql.challengeOf(packet)) };
      return { send: mysql.MYSQL_QUIT, done: true };
    },
    ended: () => step >= 2,
  };
}

function mssqlLogin(token: string): Conversation {
  let step = 0;
  let read = 0;
  return {
    connected: () => ({ send: tds.preloginPacket() }),
    received(bytes) {
      const end = tds.packetEnd(bytes, read);
      if (end === undefined) return undefined;
      read = end;
      step += 1;
      return step === 1 ? { send: tds.loginPacket(token, passwordOf(token)) } : { done: true };
    },
    ended: () => step >= 2,
  };
}

/** Logs in on a terminal; `shell` expects to be let in, writes a file and leaves. */
function telnet(token: string, shell: boolean): Conversation {
  let read = 0;
  let text = '';
  let step = 0;
  const say = (line: string): Action => {
    text = '';
    step += 1;
    return { send: `${line}\r\n` };
  };
  return {
    connected: () => undefined,
    received(bytes) {
      const { text: more, answers, end } = readTelnet(bytes, read);
      read = end;
      text += more;
      if (answers.length > 0) return { send: answers };
      if (step === 0 && /login: $/.test(text)) return say(token);
      if (step === 1 && /[Pp]assword: $/.test(text)) return say(passwordOf(token));
      if (step === 2 && !shell && /incorrect|[Ff]ailed/.test(text)) return { done: true };
      if (step === 2 && shell && /[$#>] ?$/.test(text)) return say(shellCommand(token));
      if (step === 3 && /[$#>] ?$/.test(text)) {
        step += 1;
        return { send: 'exit\r\n', halfClose: true };
      }
      return undefined;
    },
    ended: () => step >= (shell ? 4 : 3),
  };
}

export function converse(mode: Mode, token: string): Conversation {
  switch (mode) {
    case 'tcp-connect':
      return tcpConnect();
    case 'http-get':
      return httpGet(token);
    case 'ftp-login':
      return ftpLogin(token);
    case 'mysql-login':
      return mysqlLogin(token);
    case 'mssql-login':
      return mssqlLogin(token);
    case 'telnet-login':
      return telnet(token, false);
    case 'telnet-shell':
      return telnet(token, true);
  }
}
