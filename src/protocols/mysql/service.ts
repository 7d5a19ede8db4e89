/** Oracle's mysqld as 5.7 or 8.0: greeting, TLS, login, and the commands of a lured login. */
import { MAX_SHORT_TEXT, textFromBytes } from '../../events/index.ts';
import { type CloseReason, type Connection, defineService, type Session, type Timer } from '../kernel/contract.ts';
import { admits } from '../kernel/lure.ts';
import {
  type AuthPlugin,
  type AuthStep,
  answerAuth,
  type Credentials,
  credentialsOf,
  type Exchange,
  passwordText,
  pendingCredentials,
} from './auth.ts';
import { type CommandAnswer, Commands } from './commands.ts';
import { algorithmOf } from './compression.ts';
import { mysqlEvents } from './events.ts';
import {
  type ChangeUser,
  decodeFirstAnswer,
  encodeAuthMore,
  encodeAuthSwitch,
  encodeGreeting,
  type LoginRequest,
  type OldLogin,
  SALT_BYTES,
  saltFrom,
} from './handshake.ts';
import { keysOf, type Machine, machineOf } from './machine.ts';
import { type MysqlOptions, mysqlOptions } from './options.ts';
import { errors, type MysqlError } from './replies.ts';
import { encodeError, encodeOk } from './results.ts';
import { database, schemaNames } from './sql/world.ts';
import { Wire } from './wire.ts';

/** Bytes of a malformed packet that are recorded. */
const MAX_MALFORMED = 512;
const NATIVE = 'mysql_native_password';
/** Who is logging in: a fresh connection or COM_CHANGE_USER. */
interface Login {
  username: Buffer;
  database: Buffer | undefined;
  exchange: Exchange;
  /** What a response for another plugin than the account's has shown. */
  early: Credentials | undefined;
  detail: Record<string, string | number | boolean>;
}

type Phase = 'greeted' | 'login' | 'commands' | 'over';

class MysqlConnection implements Connection {
  private readonly session: Session;
  private readonly options: MysqlOptions;
  private readonly machine: Machine;
  private readonly wire: Wire;
  private phase: Phase = 'greeted';
  private capabilities: number;
  private salt: Buffer;
  private login: Login | undefined;
  private timer: Timer | undefined;
  private commands: Commands | undefined;

  constructor(session: Session, options: MysqlOptions) {
    this.session = session;
    this.options = options;
    this.machine = machineOf(session.persona, options.tls);
    this.capabilities = this.machine.capabilities;
    this.wire = new Wire(
      session,
      { packet: (payload) => this.packet(payload), refused: (code, header) => this.refusePacket(code, header) },
      options,
    );
    this.salt = saltFrom(session.random(SALT_BYTES));
    this.startTimer();
    session.send(encodeGreeting(this.machine.greeting, this.machine.face.version, this.threadId, this.salt));
  }

  private get threadId(): number {
    return this.machine.threadBase + this.session.ordinal;
  }

  private startTimer(): void {
    this.timer?.cancel();
    this.timer = this.session.after(this.options.loginTimeoutMs, () => this.fail(errors.readInterrupted, 'idle'));
  }

  data(chunk: Buffer): void {
    this.wire.push(chunk);
  }

  end(): void {
    this.wire.end();
  }

  closed(): void {
    this.phase = 'over';
    this.wire.destroy();
    this.timer?.cancel();
    const { login } = this;
    this.login = undefined;
    if (login !== undefined) {
      // The client left when asked for the password: what it had shown of it is kept.
      const credentials = pendingCredentials(login.exchange) ?? login.early;
      this.recordAttempt(login, credentials, false, true);
    }
    this.commands?.closed();
  }

  private refusePacket(code: string, header: Buffer): void {
    this.malformed(code, header);
    if (code !== 'packet_too_large' && code !== 'frame_too_large') {
      this.fail(errors.packetsOutOfOrder, 'protocol_error');
      return;
    }
    this.session.record('limit.reached', { limit: 'packet_bytes', value: this.wire.maxBytes });
    this.wire.skipNumber();
    this.fail(errors.packetTooLarge, 'limit');
  }

  private packet(payload: Buffer): void {
    switch (this.phase) {
      case 'greeted':
        this.firstAnswer(payload);
        return;
      case 'login':
        this.authAnswer(payload);
        return;
      case 'commands':
        this.command(payload);
        return;
      case 'over':
        return;
    }
  }

  private firstAnswer(payload: Buffer): void {
    const answer = decodeFirstAnswer(payload, this.machine.capabilities, this.wire.secure);
    switch (answer.kind) {
      case 'malformed':
        if (answer.capabilities !== undefined) this.capabilities = answer.capabilities;
        this.malformed('login_packet', payload);
        if (answer.old !== undefined) this.recordOld(answer.old);
        this.fail(errors.badHandshake, 'protocol_error');
        return;
      case 'tls':
        this.capabilities = answer.capabilities;
        this.wire.startTls(this.machine.face.tls);
        return;
      case 'login':
        this.capabilities = answer.login.capabilities;
        this.beginLogin(answer.login);
        return;
    }
  }

  /** The login of a client before 4.1, which these servers take for a broken packet. */
  private recordOld(old: OldLogin): void {
    this.session.record('auth.attempt', {
      username: this.shortText('username', old.username),
      password: null,
      mechanism: 'mysql_old_password',
      accepted: false,
      detail: { salt: this.salt.toString('hex', 0, 8), response: old.response.toString('hex') },
    });
  }

  private beginLogin(request: LoginRequest): void {
    this.fingerprint(request.attributes);
    const plugin = this.accountPlugin(request.plugin);
    const offered = request.plugin ?? NATIVE;
    const exchange = this.exchange(plugin, this.salt);
    this.login = {
      username: request.username,
      database: request.database,
      exchange,
      early: undefined,
      detail: {
        capabilities: request.capabilities.toString(16),
        charset: request.charset,
        max_packet: request.maxPacket,
        client_plugin: offered.slice(0, 64),
        ...this.databaseDetail(request.database),
        ...(this.wire.secure ? { tls: true } : {}),
      },
    };
    this.phase = 'login';
    if (offered.toLowerCase() === plugin) this.authAnswer(request.response);
    else this.switchPlugin(this.login, offered, request.response);
  }

  private databaseDetail(name: Buffer | undefined): Record<string, string> {
    return name === undefined || name.length === 0 ? {} : { database: this.shortText('database', name) };
  }

  /** A client that knows of no plugins can only do the native one; it finds accounts that have it. */
  private accountPlugin(offered: string | undefined): AuthPlugin {
    if (offered === undefined) return NATIVE;
    return this.options.plugin === 'default' ? this.machine.face.plugin : this.options.plugin;
  }

  private exchange(plugin: AuthPlugin, salt: Buffer): Exchange {
    const { secure } = this.wire;
    return { plugin, salt, secure, keys: () => keysOf(this.session.identity), stage: 'response', scramble: undefined };
  }

  /** Asks for the account's own plugin. The server gives the salt of its greeting again, unless that plugin makes one of its own. */
  private switchPlugin(login: Login, offered: string, response: Buffer): void {
    login.early = credentialsOf(offered, this.salt, response);
    const { exchange } = login;
    const ownSalt = exchange.plugin !== NATIVE && exchange.plugin !== this.machine.face.plugin;
    if (ownSalt) exchange.salt = saltFrom(this.session.random(SALT_BYTES));
    this.wire.send([encodeAuthSwitch(exchange.plugin, exchange.salt)]);
  }

  private authAnswer(payload: Buffer): void {
    const { login } = this;
    if (login === undefined) return;
    const step = answerAuth(login.exchange, payload);
    if (step.kind === 'more') this.wire.send([encodeAuthMore(step.data)]);
    else this.decide(login, step, payload);
  }

  private decide(login: Login, step: Exclude<AuthStep, { kind: 'more' }>, payload: Buffer): void {
    this.login = undefined;
    if (step.kind === 'malformed') {
      this.malformed(step.code, payload);
      this.recordAttempt(login, step.credentials ?? login.early, false, false);
      if (login.exchange.plugin === NATIVE) this.fail(errors.badHandshake, 'protocol_error');
      else this.deny(login, true);
      return;
    }
    const { credentials } = step;
    const admitted =
      !step.refuse &&
      admits(this.options.lure, login.username.toString('utf8'), credentials.verify, this.session.attempt());
    this.recordAttempt(login, credentials, admitted, false);
    if (admitted) this.admit(login);
    else this.deny(login, credentials.withPassword);
  }

  private deny(login: Login, withPassword: boolean): void {
    const error = errors.accessDenied(login.username.toString('latin1'), this.peerHost(), withPassword);
    this.fail(error, 'service_closed');
  }

  /** The host as the server names it: it resolves its own loopback address, and here nobody's else. */
  private peerHost(): string {
    const { address } = this.session.peer;
    return address === '127.0.0.1' || address === '::1' ? 'localhost' : address;
  }

  private admit(login: Login): void {
    const { session } = this;
    const wanted = login.database?.toString('latin1') ?? '';
    const known = schemaNames(session.persona);
    if (wanted !== '' && database(known, wanted) === undefined) {
      this.fail(errors.unknownDatabase(wanted), 'service_closed');
      return;
    }
    this.timer?.cancel();
    this.phase = 'commands';
    this.commands?.closed();
    this.commands = new Commands(session, {
      face: this.machine.face,
      options: this.options,
      capabilities: this.capabilities,
      threadId: this.threadId,
      user: login.username.toString('latin1'),
      host: this.peerHost(),
      database: wanted === '' ? undefined : wanted,
      secure: this.wire.secure,
    });
    this.wire.send([encodeOk({}, this.capabilities)]);
    this.wire.beginCommand();
    const algorithm = algorithmOf(this.capabilities);
    if (algorithm !== undefined) this.wire.startCompression(algorithm);
  }

  private command(payload: Buffer): void {
    const answer: CommandAnswer = this.commands?.answer(payload) ?? { kind: 'none' };
    switch (answer.kind) {
      case 'packets':
        this.wire.send(answer.packets);
        break;
      case 'quit':
        this.close('peer_closed');
        return;
      case 'disconnect':
        this.wire.send(answer.packets);
        this.close('service_closed');
        return;
      case 'change_user':
        this.changeUser(answer.request);
        return;
      case 'none':
        break;
    }
    this.wire.beginCommand();
  }

  /** COM_CHANGE_USER is a login anew: the server asks for the account's plugin whatever the client began with. */
  private changeUser(request: ChangeUser): void {
    this.fingerprint(request.attributes);
    const plugin = this.accountPlugin(request.plugin);
    const exchange = this.exchange(plugin, this.salt);
    const login: Login = {
      username: request.username,
      database: request.database,
      exchange,
      early: undefined,
      detail: {
        change_user: true,
        client_plugin: (request.plugin ?? NATIVE).slice(0, 64),
        ...this.databaseDetail(request.database),
      },
    };
    this.login = login;
    this.phase = 'login';
    this.startTimer();
    if (request.plugin === undefined) {
      this.authAnswer(request.response);
      return;
    }
    login.early = credentialsOf(request.plugin, this.salt, request.response);
    if (plugin !== NATIVE) exchange.salt = saltFrom(this.session.random(SALT_BYTES));
    this.wire.send([encodeAuthSwitch(plugin, exchange.salt)]);
  }

  private fingerprint(attributes: LoginRequest['attributes']): void {
    if (attributes.length === 0) return;
    const named = new Map(attributes.map(([name, value]) => [name.toString('latin1'), value]));
    const text = (name: string): string => this.shortText('attribute', named.get(name) ?? Buffer.alloc(0));
    const software = [text('_client_name') || text('program_name'), text('_client_version')].filter(
      (part) => part !== '',
    );
    const value = software.join(' ').slice(0, MAX_SHORT_TEXT);
    const listed = attributes.map(([name, content]) =>
      `${this.shortText('attribute', name)}=${this.shortText('attribute', content)}`.slice(0, MAX_SHORT_TEXT),
    );
    this.session.record('peer.fingerprint', { kind: 'software', value, detail: { attributes: listed } });
    if (value !== '') this.session.note({ client: value });
  }

  private recordAttempt(login: Login, known: Credentials | undefined, accepted: boolean, left: boolean): void {
    const hash = known?.hash ?? login.early?.hash;
    const unread = known?.unread;
    this.session.record('auth.attempt', {
      username: this.shortText('username', login.username),
      password: known === undefined ? null : (passwordText(known)?.slice(0, MAX_SHORT_TEXT) ?? null),
      ...(hash === undefined ? {} : { hash: hash.value, hash_format: hash.format }),
      mechanism: known?.mechanism ?? login.exchange.plugin,
      accepted,
      detail: {
        ...login.detail,
        ...(unread === undefined ? {} : { salt: unread.salt, response: unread.response }),
        ...(left ? { unfinished: true } : {}),
      },
    });
  }

  /** Text of a peer's name within the bound of an event. */
  private shortText(limit: string, bytes: Buffer): string {
    const text = textFromBytes(bytes.subarray(0, MAX_SHORT_TEXT));
    if (bytes.length <= MAX_SHORT_TEXT && text.length <= MAX_SHORT_TEXT) return text;
    this.session.record('limit.reached', { limit: `${limit}_bytes`, value: bytes.length });
    return text.slice(0, MAX_SHORT_TEXT);
  }

  private malformed(code: string, bytes: Buffer): void {
    this.session.record('peer.malformed', { code, bytes: textFromBytes(bytes.subarray(0, MAX_MALFORMED)) });
  }

  /** The server tells the error and closes. */
  private fail(error: MysqlError, reason: CloseReason): void {
    if (this.phase === 'over') return;
    // Bytes that are not TLS would only confuse a handshake that has not ended.
    if (!this.wire.secure || this.phase !== 'greeted') this.wire.send([encodeError(error, this.capabilities)]);
    this.close(reason);
  }

  private close(reason: CloseReason): void {
    this.phase = 'over';
    this.timer?.cancel();
    this.wire.close(reason);
  }
}

export const mysql = defineService({
  name: 'mysql',
  title: 'MySQL',
  transport: 'tcp',
  ports: [3306],
  personas: ['windows-server', 'ubuntu-server'],
  options: mysqlOptions,
  events: mysqlEvents,
  product: (persona) => `${persona.products.mysql?.name ?? 'MySQL'} ${machineOf(persona, true).face.version}`,
  open: (session: Session, options: MysqlOptions) => new MysqlConnection(session, options),
});
