/** The FTP service of IIS 10.0 (Windows Server 2016 to 2022), as a peer from elsewhere sees it: without the details that local users get. */
import { type Command, parseExtendedPort, parsePort } from './codec.ts';
import type { Account, Dialogue, Server } from './dialogue.ts';
import {
  change,
  changeDirectory,
  type Handler,
  list,
  modified,
  renameFrom,
  renameTo,
  retrieve,
  size,
  store,
  succeeded,
} from './iis-files.ts';
import { IIS_SYNTAX } from './iis-syntax.ts';
import { IIS as say } from './replies.ts';

/** `controlChannelTimeout` and `unauthenticatedTimeout` of the site, at their defaults. */
const IDLE_MS = 120_000;
const IDLE_MS_BEFORE_LOGIN = 30_000;

function status(dialogue: Dialogue, account: Account): void {
  dialogue.reply(
    [
      '211-Microsoft FTP Service status:',
      `     Logged in as ${account.name}`,
      `     TYPE: ${dialogue.binary ? 'IMAGE' : 'ASCII, FORM: Nonprint'}; STRUcture: File; transfer MODE: STREAM`,
      dialogue.channel === undefined ? '     No data connection' : '     Data connection open',
      '211 End of status.',
    ].join('\r\n'),
  );
}

function passive(dialogue: Dialogue): void {
  const host = dialogue.passiveAddress();
  if (host === undefined) {
    dialogue.send(say.badArgument);
    return;
  }
  dialogue.listen(
    (port) => dialogue.reply(`227 Entering Passive Mode (${host},${port >> 8},${port & 255}).`),
    say.noConnection,
  );
}

function extendedPassive(dialogue: Dialogue, _account: Account, argument: string): void {
  const wanted = dialogue.session.local.address.includes(':') ? '2' : '1';
  if (argument.toUpperCase() === 'ALL') dialogue.send(say.passiveOnly);
  else if (argument !== '' && argument !== wanted) dialogue.send(say.badNetwork);
  else dialogue.listen((port) => dialogue.reply(`229 Entering Extended Passive Mode (|||${port}|)`), say.noConnection);
}

/** Only the peer's own address is taken; nothing is ever connected to. */
function port(dialogue: Dialogue, _account: Account, argument: string): void {
  const given = parsePort(argument);
  dialogue.dropChannel();
  const allowed = given?.address === dialogue.session.peer.address && given.port >= 1024;
  if (allowed) dialogue.channel = { kind: 'active' };
  dialogue.send(allowed ? say.port : say.badArgument);
}

function extendedPort(dialogue: Dialogue, _account: Account, argument: string): void {
  const given = parseExtendedPort(argument);
  dialogue.dropChannel();
  if (given.kind === 'bad_protocol') {
    dialogue.send(say.badNetwork);
    return;
  }
  const allowed =
    given.kind === 'address' && given.address.address === dialogue.session.peer.address && given.address.port >= 1024;
  if (allowed) dialogue.channel = { kind: 'active' };
  dialogue.send(allowed ? say.extendedPort : say.badArgument);
}

function type(dialogue: Dialogue, _account: Account, argument: string): void {
  const wanted = argument.toUpperCase();
  const binary = wanted === 'I' || wanted === 'L 8' || wanted === 'L8';
  if (binary || wanted === 'A' || wanted === 'A N') {
    dialogue.binary = binary;
    dialogue.send(binary ? say.typeImage : say.typeAscii);
  } else dialogue.send(say.badParameter);
}

function restart(dialogue: Dialogue, _account: Account, argument: string): void {
  if (!/^\d{1,15}$/.test(argument)) {
    dialogue.send(say.badArgument);
    return;
  }
  dialogue.restartAt = Number(argument);
  dialogue.reply(`350 Restarting at ${argument}.`);
}

const fixed =
  (bytes: Buffer): Handler =>
  (dialogue) =>
    dialogue.send(bytes);
const variant =
  (wanted: string, ok: Buffer): Handler =>
  (dialogue, _account, argument) =>
    dialogue.send(argument.toUpperCase() === wanted ? ok : say.badVariant);
/** A command that makes no sense without an argument. */
const needs =
  (handler: Handler): Handler =>
  (dialogue, account, argument, verb) =>
    argument === '' ? dialogue.send(say.noParameters) : handler(dialogue, account, argument, verb);

const currentDirectory: Handler = (dialogue, account) =>
  dialogue.reply(`257 "${account.directory}" is current directory.`);
const parentDirectory: Handler = (dialogue, account, _argument, verb) => changeDirectory(dialogue, account, '..', verb);
const makeDirectory = needs(
  change(
    (account, path) => account.tree.makeDirectory(path),
    (argument) => `257 "${argument}" directory created.`,
  ),
);
const removeDirectory = needs(change((account, path) => account.tree.removeDirectory(path), succeeded));

const AFTER_LOGIN: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['ABOR', fixed(say.nothingToAbort)],
  ['ACCT', fixed(say.superfluous)],
  ['ALLO', fixed(say.allocated)],
  ['APPE', needs(store('append'))],
  ['CDUP', parentDirectory],
  ['CWD', needs(changeDirectory)],
  ['DELE', needs(change((account, path) => account.tree.removeFile(path), succeeded))],
  ['EPRT', needs(extendedPort)],
  ['EPSV', extendedPassive],
  ['LIST', list(true)],
  ['MDTM', needs(modified)],
  ['MKD', makeDirectory],
  ['MODE', needs(variant('S', say.mode))],
  ['NLST', list(false)],
  ['NOOP', fixed(say.noop)],
  ['PASV', passive],
  ['PORT', needs(port)],
  ['PWD', currentDirectory],
  ['REST', needs(restart)],
  ['RETR', needs(retrieve)],
  ['RMD', removeDirectory],
  ['RNFR', needs(renameFrom)],
  ['RNTO', needs(renameTo)],
  ['SITE', fixed(say.site)],
  ['SIZE', needs(size)],
  ['SMNT', fixed(say.superfluous)],
  ['STAT', status],
  ['STOR', needs(store('replace'))],
  ['STOU', store('unique')],
  ['STRU', needs(variant('F', say.structure))],
  ['TYPE', needs(type)],
  ['XCUP', parentDirectory],
  ['XCWD', needs(changeDirectory)],
  ['XMKD', makeDirectory],
  ['XPWD', currentDirectory],
  ['XRMD', removeDirectory],
]);

function authenticate(dialogue: Dialogue, argument: string): void {
  const wanted = argument.toUpperCase();
  if (argument === '') dialogue.send(say.noParameters);
  else if (!['TLS', 'TLS-C', 'SSL', 'TLS-P'].includes(wanted)) dialogue.send(say.badAuth);
  else if (!dialogue.options.tls) dialogue.send(say.noTls);
  else if (dialogue.secure) dialogue.send(say.alreadySecure);
  else {
    dialogue.send(say.negotiate);
    dialogue.protectData = wanted === 'SSL' || wanted === 'TLS-P';
    dialogue.startTls();
  }
}

function protect(dialogue: Dialogue, argument: string): void {
  const level = argument.toUpperCase();
  if (argument === '') dialogue.send(say.noParameters);
  else if (!dialogue.secure) dialogue.send(say.badSequence);
  else if (level !== 'C' && level !== 'P') dialogue.send(say.protectUnsupported);
  else {
    dialogue.protectData = level === 'P';
    dialogue.send(say.protect);
  }
}

function help(dialogue: Dialogue, argument: string): void {
  const syntax = IIS_SYNTAX.get(argument.toUpperCase());
  if (argument === '') dialogue.send(say.help);
  else if (syntax === undefined) dialogue.send(say.badParameter);
  else dialogue.reply(`214 Syntax: ${argument} ${syntax}`);
}

/** What is answered whether or not someone is logged in. */
function common(dialogue: Dialogue, { verb, argument }: Command, text: string): boolean {
  switch (verb) {
    case 'USER':
      if (argument.length === 0) dialogue.send(say.noParameters);
      else {
        dialogue.account = undefined;
        dialogue.nameUser(argument);
        const guest = dialogue.options.anonymous && dialogue.isAnonymous(argument);
        dialogue.send(guest ? say.giveIdentity : say.givePassword);
      }
      return true;
    case 'PASS':
      if (dialogue.user !== undefined) dialogue.tryLogin(dialogue.user, argument);
      else {
        dialogue.recordPassword(argument);
        dialogue.send(say.userFirst);
      }
      return true;
    case 'QUIT':
      dialogue.send(say.goodbye);
      dialogue.close('service_closed');
      return true;
    case 'SYST':
      dialogue.send(say.system);
      return true;
    case 'FEAT':
      dialogue.send(say.features);
      return true;
    case 'HELP':
      help(dialogue, text);
      return true;
    case 'OPTS': {
      const wanted = text.toUpperCase();
      if (text === '') dialogue.send(say.noParameters);
      else if (wanted === 'UTF8 ON' || wanted === 'UTF8') dialogue.send(say.utf8On);
      else dialogue.send(wanted === 'UTF8 OFF' ? say.utf8Off : say.badOption);
      return true;
    }
    case 'AUTH':
      authenticate(dialogue, text);
      return true;
    case 'PBSZ':
      if (text === '') dialogue.send(say.noParameters);
      else dialogue.send(dialogue.secure ? say.bufferSize : say.badSequence);
      return true;
    case 'PROT':
      protect(dialogue, text);
      return true;
    case 'CCC':
      dialogue.send(dialogue.secure ? say.noClear : say.badSequence);
      return true;
    case 'HOST':
      if (text === '') dialogue.send(say.noParameters);
      else dialogue.send(dialogue.user === undefined && dialogue.account === undefined ? say.host : say.badSequence);
      return true;
    case 'LANG':
      dialogue.send(text === '' || /^en(-\w+)?$/i.test(text) ? say.language : say.badLanguage);
      return true;
    case 'ADAT':
    case 'ENC':
    case 'MIC':
      dialogue.send(say.notImplemented);
      return true;
    default:
      return false;
  }
}

export const iis: Server = {
  greeting: say.greeting,
  idleMs: IDLE_MS,
  idleMsBeforeLogin: IDLE_MS_BEFORE_LOGIN,
  timeout: say.timeout,
  lineTooLong: say.lineTooLong,
  maxRefused: Number.POSITIVE_INFINITY,
  refused: say.refused,
  loggedIn: say.loggedIn,
  answer(dialogue, command) {
    // RFC 959 §4.1.3: ABOR comes after telnet's interrupt and synch.
    const verb = command.verb.charCodeAt(0) === 0xff ? command.verb.replace(/^[\xf2\xf4\xff]+/, '') : command.verb;
    const text = command.argument.toString('latin1').trim();
    if (common(dialogue, command, text)) return;
    if (!say.commands.has(verb)) dialogue.send(say.unknown);
    else if (dialogue.account === undefined) dialogue.send(say.pleaseLogin);
    else if (verb === 'REIN') {
      dialogue.account = undefined;
      dialogue.dropChannel();
      dialogue.send(say.greeting);
    } else AFTER_LOGIN.get(verb)?.(dialogue, dialogue.account, text, verb);
  },
};
