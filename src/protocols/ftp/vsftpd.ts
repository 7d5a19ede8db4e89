/** vsFTPd 3.0.5 as Ubuntu packages it, with uploads and TLS allowed and each user shut into a directory (`chroot_local_user`). */
import type { Persona } from '../surfaces/persona.ts';
import { type Command, encodeReply, parseExtendedPort, parsePort } from './codec.ts';
import type { Account, Dialogue, Server } from './dialogue.ts';
import { VSFTPD as say } from './replies.ts';
import {
  changeDirectory,
  deleteFile,
  type Handler,
  list,
  listOnControl,
  makeDirectory,
  modified,
  quoted,
  removeDirectory,
  renameFrom,
  renameTo,
  retrieve,
  site,
  size,
  store,
} from './vsftpd-files.ts';

const DEFAULT_VERSION = '3.0.5';
const IDLE_SECONDS = 300;
/** Since 3.0.4: refused commands before a login, after which it hangs up. */
const MAX_ERRORS = 10;
const MAX_LOGIN_FAILS = 3;
const HTTP_VERBS = new Set(['GET', 'POST', 'HEAD', 'OPTIONS', 'CONNECT']);
const IPPORT_RESERVED = 1024;

const versionOf = (persona: Persona): string => persona.products.ftp?.version || DEFAULT_VERSION;

function status(dialogue: Dialogue, account: Account, argument: string): void {
  if (argument !== '') {
    listOnControl(dialogue, account, argument);
    return;
  }
  const kind = dialogue.secure ? 'encrypted' : 'plain text';
  dialogue.reply(
    [
      '211-FTP server status:',
      `     Connected to ${dialogue.session.peer.address}`,
      `     Logged in as ${account.name}`,
      `     TYPE: ${dialogue.binary ? 'BINARY' : 'ASCII'}`,
      '     No session bandwidth limit',
      `     Session timeout in seconds is ${IDLE_SECONDS}`,
      `     Control connection is ${kind}`,
      `     Data connections will be ${dialogue.protectData ? 'encrypted' : 'plain text'}`,
      '     At session startup, client count was 1',
      `     vsFTPd ${versionOf(dialogue.session.persona)} - secure, fast, stable`,
      '211 End of status',
    ].join('\r\n'),
  );
}

function passive(dialogue: Dialogue): void {
  if (dialogue.extendedOnly) {
    dialogue.send(say.denied);
    return;
  }
  dialogue.listen((port) => {
    const host = dialogue.passiveAddress() ?? '0,0,0,0';
    dialogue.reply(`227 Entering Passive Mode (${host},${port >> 8},${port & 255}).`);
  }, say.noConnection);
}

function extendedPassive(dialogue: Dialogue, _account: Account, argument: string): void {
  const ipv6 = dialogue.session.local.address.includes(':');
  if (argument.toUpperCase() === 'ALL') {
    dialogue.extendedOnly = true;
    dialogue.send(say.passiveOnly);
  } else if (argument !== '' && argument !== '1' && !(ipv6 && argument === '2')) dialogue.send(say.badNetwork);
  else dialogue.listen((port) => dialogue.reply(`229 Entering Extended Passive Mode (|||${port}|)`), say.noConnection);
}

/** Only the peer's own address is taken, and no privileged port; nothing is ever connected to. */
function port(dialogue: Dialogue, _account: Account, argument: string): void {
  if (dialogue.extendedOnly) {
    dialogue.send(say.denied);
    return;
  }
  dialogue.dropChannel();
  const given = parsePort(argument);
  const allowed = given?.address === dialogue.session.peer.address && given.port >= IPPORT_RESERVED;
  if (allowed) dialogue.channel = { kind: 'active' };
  dialogue.send(allowed ? say.port : say.badPort);
}

function extendedPort(dialogue: Dialogue, _account: Account, argument: string): void {
  dialogue.dropChannel();
  const given = parseExtendedPort(argument);
  if (given.kind === 'bad_protocol') dialogue.send(say.badExtendedProtocol);
  else if (given.kind === 'malformed') dialogue.send(say.badExtendedPort);
  else {
    const { address, port: number } = given.address;
    const allowed = address === dialogue.session.peer.address && number >= IPPORT_RESERVED;
    if (allowed) dialogue.channel = { kind: 'active' };
    dialogue.send(allowed ? say.extendedPort : say.illegalExtendedPort);
  }
}

function type(dialogue: Dialogue, _account: Account, argument: string): void {
  const wanted = argument.toUpperCase();
  const binary = wanted === 'I' || wanted === 'L8' || wanted === 'L 8';
  if (!binary && wanted !== 'A' && wanted !== 'A N') {
    dialogue.send(say.badType);
    return;
  }
  dialogue.binary = binary;
  dialogue.send(binary ? say.binary : say.ascii);
}

function restart(dialogue: Dialogue, _account: Account, argument: string): void {
  const at = /^\d{1,15}$/.test(argument) ? Number(argument) : 0;
  dialogue.restartAt = at;
  dialogue.reply(`350 Restart position accepted (${at}).`);
}

function userAgain(dialogue: Dialogue, account: Account, argument: string): void {
  if (account.guest) dialogue.send(say.guestStays);
  else dialogue.send(argument === account.name ? say.anyPassword : say.userStays);
}

function protection(dialogue: Dialogue, verb: string, argument: string): void {
  if (!dialogue.secure) dialogue.send(verb === 'PBSZ' ? say.bufferPlain : say.protectPlain);
  else if (verb === 'PBSZ') dialogue.send(say.bufferSize);
  else {
    const level = argument.toUpperCase();
    if (level === 'C' || level === 'P') dialogue.protectData = level === 'P';
    if (level === 'C') dialogue.send(say.clear);
    else if (level === 'P') dialogue.send(say.private);
    else dialogue.send(level === 'S' || level === 'E' ? say.protectUnsupported : say.protectUnknown);
  }
}

const fixed =
  (bytes: Buffer): Handler =>
  (dialogue) =>
    dialogue.send(bytes);
const variant =
  (wanted: string, ok: Buffer, bad: Buffer): Handler =>
  (dialogue, _account, argument) =>
    dialogue.send(argument.toUpperCase() === wanted ? ok : bad);
/** What a guest may not do. */
const owned =
  (handler: Handler): Handler =>
  (dialogue, account, argument) =>
    account.guest ? dialogue.send(say.denied) : handler(dialogue, account, argument);

const COMMANDS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['PWD', (dialogue, account) => dialogue.reply(`257 ${quoted(account.directory)} is the current directory`)],
  ['CWD', changeDirectory],
  ['CDUP', (dialogue, account) => changeDirectory(dialogue, account, '..')],
  ['PASV', passive],
  ['P@SW', passive],
  ['EPSV', extendedPassive],
  ['RETR', retrieve],
  ['NOOP', fixed(say.noop)],
  ['SYST', fixed(say.system)],
  ['HELP', fixed(say.help)],
  ['LIST', list(true)],
  ['NLST', list(false)],
  ['TYPE', type],
  ['PORT', port],
  ['EPRT', extendedPort],
  ['STOR', owned(store('replace'))],
  ['APPE', owned(store('append'))],
  ['STOU', owned(store('unique'))],
  ['MKD', owned(makeDirectory)],
  ['RMD', owned(removeDirectory)],
  ['DELE', owned(deleteFile)],
  ['RNFR', owned(renameFrom)],
  ['RNTO', owned(renameTo)],
  ['SITE', owned(site)],
  ['REST', restart],
  ['SIZE', size],
  ['MDTM', modified],
  ['STRU', variant('F', say.structure, say.badStructure)],
  ['MODE', variant('S', say.mode, say.badMode)],
  ['ALLO', fixed(say.allocated)],
  ['REIN', fixed(say.noReinitialise)],
  ['ACCT', fixed(say.noAccount)],
  ['SMNT', fixed(say.noMount)],
  // Transfers are over before the next command is read, unless `async_abor_enable` is set.
  ['ABOR', fixed(say.nothingToAbort)],
  ['\xff\xf4\xff\xf2ABOR', fixed(say.nothingToAbort)],
  ['STAT', status],
  ['USER', userAgain],
]);

/** The old names of RFC 775. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['XPWD', 'PWD'],
  ['XCWD', 'CWD'],
  ['XCUP', 'CDUP'],
  ['XMKD', 'MKD'],
  ['XRMD', 'RMD'],
]);

/** What is answered alike before and after the login. */
function common(dialogue: Dialogue, verb: string, argument: string): boolean {
  switch (verb) {
    case 'QUIT':
      dialogue.send(say.goodbye);
      dialogue.close('service_closed');
      return true;
    case 'FEAT':
      dialogue.send(dialogue.options.tls ? say.featuresTls : say.features);
      return true;
    case 'OPTS':
      dialogue.send(argument.toUpperCase() === 'UTF8 ON' ? say.utf8 : say.badOption);
      return true;
    case 'PBSZ':
    case 'PROT':
      if (dialogue.options.tls) protection(dialogue, verb, argument);
      return dialogue.options.tls;
    default:
      return false;
  }
}

function hangUpOnHttp(dialogue: Dialogue): void {
  dialogue.send(say.noHttp);
  dialogue.close('service_closed');
}

function beforeLogin(dialogue: Dialogue, { verb, argument, line }: Command, errors: { count: number }): void {
  switch (verb) {
    case 'USER':
      dialogue.nameUser(argument);
      dialogue.send(say.givePassword);
      return;
    case 'PASS':
      if (dialogue.user !== undefined && dialogue.user.length > 0) dialogue.tryLogin(dialogue.user, argument);
      else {
        dialogue.recordPassword(argument);
        dialogue.send(say.userFirst);
      }
      return;
    case 'AUTH': {
      if (!dialogue.options.tls || dialogue.secure) break;
      const wanted = argument.toString('latin1').toUpperCase();
      const known = ['TLS', 'TLS-C', 'SSL', 'TLS-P'].includes(wanted);
      dialogue.send(known ? say.negotiate : say.badAuth);
      if (!known) return;
      // RFC 4217 §15: SSL and TLS-P mean that data connections are protected from the start.
      dialogue.protectData = wanted === 'SSL' || wanted === 'TLS-P';
      dialogue.startTls();
      return;
    }
    default:
      if (line.length === 0 || common(dialogue, verb, argument.toString('latin1'))) return;
      if (HTTP_VERBS.has(verb)) {
        hangUpOnHttp(dialogue);
        return;
      }
  }
  errors.count += 1;
  dialogue.send(errors.count > MAX_ERRORS ? say.tooManyErrors : say.pleaseLogin);
  if (errors.count > MAX_ERRORS) dialogue.close('service_closed');
}

function afterLogin(dialogue: Dialogue, account: Account, { verb, argument, line }: Command): void {
  const text = argument.toString('latin1');
  if (verb === 'PASS') {
    dialogue.recordPassword(argument);
    dialogue.send(say.alreadyIn);
    return;
  }
  // Some NAT devices send empty lines; it says nothing to them.
  if (line.length === 0 || common(dialogue, verb, text)) return;
  const handler = COMMANDS.get(ALIASES.get(verb) ?? verb);
  if (handler !== undefined) handler(dialogue, account, text);
  else if (verb === 'PBSZ' || verb === 'PROT') dialogue.send(say.denied);
  else if (HTTP_VERBS.has(verb)) hangUpOnHttp(dialogue);
  else dialogue.send(say.unknown);
}

export function vsftpd(persona: Persona): Server {
  const errors = { count: 0 };
  return {
    greeting: encodeReply(`220 (vsFTPd ${versionOf(persona)})`),
    idleMs: IDLE_SECONDS * 1000,
    idleMsBeforeLogin: IDLE_SECONDS * 1000,
    timeout: say.timeout,
    lineTooLong: say.lineTooLong,
    maxRefused: MAX_LOGIN_FAILS,
    refused: say.refused,
    loggedIn: say.loggedIn,
    answer(dialogue, command) {
      if (dialogue.account === undefined) beforeLogin(dialogue, command, errors);
      else afterLogin(dialogue, dialogue.account, command);
    },
  };
}
