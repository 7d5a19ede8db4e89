/**
 * Programs that fetch. Nothing is ever fetched: what was asked for is recorded, and the peer sees a machine whose way out is closed (a firewall that
 * answers "refused", a resolver that knows no names).
 */
import { isIP } from 'node:net';
import { clock } from '../machine.ts';
import { type Call, type Command, type CommandTable, type Run, wait } from '../state.ts';
import { fail, misused, readFlags } from './flags.ts';

/** URLs recorded of one command. */
const MAX_URLS = 16;
/** busybox's tftp gives up after twelve tries with growing pauses; nobody waits that long. */
const TFTP_TIMEOUT_MS = 12_000;

interface Target {
  url: string;
  host: string;
  port: string;
}

function targetOf(text: string): Target {
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  const match = /^([a-z][a-z0-9+.-]*):\/\/(?:[^/@]*@)?(\[[0-9a-f:.]*\]|[^/:?#]*)(?::([0-9]{1,5}))?/i.exec(url);
  const scheme = match?.[1]?.toLowerCase() ?? 'http';
  const usual: Readonly<Record<string, string>> = { http: '80', https: '443', ftp: '21', tftp: '69' };
  return { url, host: (match?.[2] ?? '').replace(/[[\]]/g, ''), port: match?.[3] ?? usual[scheme] ?? '80' };
}

function record(call: Call, urls: readonly string[]): void {
  if (urls.length > 0) call.shell.common.host.requested(urls.slice(0, MAX_URLS), [call.name, ...call.args].join(' '));
}

function wget(call: Call): number {
  const { letters, rest } = readFlags(call.args, call.applet ? 'OoPUYT' : 'OoPUtTiaeBwQlADI');
  if (rest.length === 0) {
    if (call.applet)
      return busyboxUsage(
        call,
        'wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]\n\t[--post-data STR | --post-file FILE] [-Y on/off]\n\t[--no-check-certificate] [-P DIR] [-U AGENT] URL...\n\nRetrieve files via HTTP or FTP',
      );
    call.io.err("wget: missing URL\nUsage: wget [OPTION]... [URL]...\n\nTry `wget --help' for more options.\n");
    return 1;
  }
  const targets = rest.slice(0, MAX_URLS).map(targetOf);
  record(
    call,
    targets.map(({ url }) => url),
  );
  const quiet = letters.has('q') || letters.has('quiet');
  for (const { url, host, port } of targets) {
    if (call.applet) {
      if (isIP(host) === 0) return fail(call, `bad address '${host}'`);
      if (!quiet) call.io.err(`Connecting to ${host}${port === '80' ? '' : `:${port}`} (${host}:${port})\n`);
      return fail(call, `can't connect to remote host (${host}): Connection refused`);
    }
    if (quiet) continue;
    const at = clock(call.shell.common.machine, call.shell.common.host.now());
    call.io.err(
      `--${at.iso.slice(0, 10)} ${at.hours}:${at.minutes}:${at.seconds}--  ${url.replace(/^([a-z]+:\/\/[^/]+)$/i, '$1/')}\n`,
    );
    if (isIP(host) !== 0) call.io.err(`Connecting to ${host}:${port}... failed: Connection refused.\n`);
    else
      call.io.err(
        `Resolving ${host} (${host})... failed: Temporary failure in name resolution.\nwget: unable to resolve host address ‘${host}’\n`,
      );
  }
  return 4;
}

function curl(call: Call): number {
  const { letters, values, rest } = readFlags(call.args, 'oXHdAeuFmxbcTKwrYyzQ');
  if (rest.length === 0) {
    call.io.err("curl: try 'curl --help' or 'curl --manual' for more information\n");
    return 2;
  }
  const targets = rest.slice(0, MAX_URLS).map(targetOf);
  record(
    call,
    targets.map(({ url }) => url),
  );
  const silent = (letters.has('s') || letters.has('silent')) && !letters.has('S');
  const meter = letters.has('O') || letters.has('o') || values.has('output');
  let status = 0;
  for (const { host, port } of targets) {
    if (meter && !letters.has('s'))
      call.io.err(
        '  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current\n                                 Dload  Upload   Total   Spent    Left  Speed\n\r  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0\n',
      );
    const known = isIP(host) !== 0;
    status = known ? 7 : 6;
    const version = call.shell.common.machine.version;
    const after = version === '20.04' ? '' : ` after ${(call.shell.common.host.random(1)[0] ?? 0) % 40} ms`;
    const why = version === '24.04' ? "Couldn't connect to server" : 'Connection refused';
    if (!silent)
      call.io.err(
        known
          ? `curl: (7) Failed to connect to ${host} port ${port}${after}: ${why}\n`
          : `curl: (6) Could not resolve host: ${host}\n`,
      );
  }
  return status;
}

/** What the command line of a fetching program asks for, as a URL, by the program's own way of naming it. */
function transferUrl(call: Call): string | undefined {
  const { letters, values, rest } = readFlags(
    call.args,
    call.name === 'tftp' ? 'lrbm' : call.name === 'ftpget' || call.name === 'ftpput' ? 'upP' : '',
  );
  switch (call.name) {
    case 'tftp': {
      // busybox: `tftp -g -r FILE HOST [PORT]`; tftp-hpa: `tftp HOST [PORT] -c get FILE`.
      const command = rest.findIndex((word) => word === 'get' || word === 'put');
      const words = command < 0 ? rest : rest.slice(0, command);
      const [host, port] = words;
      const file = values.get('r') ?? values.get('l') ?? (command < 0 ? '' : rest[command + 1]) ?? '';
      return host === undefined
        ? undefined
        : `tftp://${host}${port === undefined ? '' : `:${port}`}/${file.replace(/^\//, '')}`;
    }
    case 'ftpget':
    case 'ftpput': {
      const [host, local, remote = local] = rest;
      const login = letters.has('u') ? `${values.get('u') ?? ''}:${values.get('p') ?? ''}@` : '';
      const port = values.get('P');
      return host === undefined
        ? undefined
        : `ftp://${login}${host}${port === undefined ? '' : `:${port}`}/${(remote ?? '').replace(/^\//, '')}`;
    }
    case 'scp':
    case 'rsync': {
      const remote = rest.find((word) => /^[^/:]+:/.test(word));
      return remote === undefined ? undefined : `${call.name}://${remote.replace(':', '/')}`;
    }
    default: {
      const [host, port] = rest;
      return host === undefined ? undefined : `${call.name}://${host}${port === undefined ? '' : `:${port}`}`;
    }
  }
}

export function busyboxUsage(call: Call, usage: string): number {
  call.io.err(`${call.shell.common.machine.busybox}\n\nUsage: ${usage}\n`);
  return 1;
}

function* tftp(call: Call): Run<number> {
  const url = transferUrl(call);
  if (url === undefined)
    return busyboxUsage(
      call,
      'tftp [OPTIONS] HOST [PORT]\n\nTransfer a file from/to tftp server\n\n\t-l FILE\tLocal FILE\n\t-r FILE\tRemote FILE\n\t-g\tGet file\n\t-p\tPut file\n\t-b SIZE\tTransfer blocks in bytes',
    );
  record(call, [url]);
  const host = targetOf(url).host;
  if (isIP(host) === 0) return fail(call, `bad address '${host}'`);
  yield* wait({ kind: 'sleep', ms: TFTP_TIMEOUT_MS });
  return fail(call, 'timeout');
}

function ftpget(call: Call): number {
  const url = transferUrl(call);
  if (url === undefined) return busyboxUsage(call, `${call.name} [OPTIONS] HOST [LOCAL_FILE] REMOTE_FILE`);
  record(call, [url]);
  const host = targetOf(url).host;
  return fail(
    call,
    isIP(host) === 0 ? `bad address '${host}'` : `can't connect to remote host (${host}): Connection refused`,
  );
}

/** `ftp`, `nc`, `telnet`, `ssh`, `scp`: a connection that does not come about. */
function connect(call: Call): number {
  const url = transferUrl(call);
  if (url === undefined) return misused(call, 'missing operand');
  record(call, [url]);
  const { host, port } = targetOf(url);
  switch (call.name) {
    case 'nc':
      return 1;
    case 'telnet':
      call.io.out(`Trying ${host}...\n`);
      call.io.err(`telnet: Unable to connect to remote host: Connection refused\n`);
      return 1;
    case 'ftp':
      call.io.err('ftp: connect: Connection refused\n');
      return 1;
    default:
      call.io.err(`ssh: connect to host ${host} port ${port === '80' ? '22' : port}: Connection refused\n`);
      return 255;
  }
}

function ping(call: Call): number {
  const [host = ''] = readFlags(call.args, 'cWiswtI').rest;
  if (host === '') return fail(call, 'usage error: Destination address required');
  if (isIP(host) === 0) return fail(call, `${host}: Temporary failure in name resolution`, 2);
  call.io.out(
    `PING ${host} (${host}) 56(84) bytes of data.\n\n--- ${host} ping statistics ---\n1 packets transmitted, 0 received, 100% packet loss, time 0ms\n\n`,
  );
  return 1;
}

export const networkCommands: CommandTable = {
  curl,
  ftp: connect,
  ftpget,
  ftpput: ftpget,
  nc: connect,
  ping,
  rsync: connect,
  scp: connect,
  ssh: connect,
  telnet: connect,
  tftp,
  wget,
};

/** A fetching program that this machine has not: what it was to fetch is recorded all the same. */
export const soughtElsewhere: (call: Call) => void = (call) => {
  const name = call.name.slice(call.name.lastIndexOf('/') + 1);
  const command: Command | undefined = Object.hasOwn(networkCommands, name) ? networkCommands[name] : undefined;
  if (command === undefined) return;
  const named = { ...call, name };
  if (name === 'wget' || name === 'curl')
    record(
      named,
      readFlags(call.args, 'OoP').rest.map((text) => targetOf(text).url),
    );
  else {
    const url = transferUrl(named);
    if (url !== undefined) record(named, [url]);
  }
};
