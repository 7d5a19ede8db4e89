/** SQL Server's side of a connection, from the first packet to the end of the login; requests.ts answers what follows. */
import { textFromBytes } from '../../events/index.ts';
import { type ClientHello, decodeClientHello, ja4 } from '../kernel/client-hello.ts';
import { type Framed, framed } from '../kernel/codec.ts';
import { type Connection, defineService, type Session } from '../kernel/contract.ts';
import { admits } from '../kernel/lure.ts';
import { acceptNtlm, type NtlmAcceptor } from '../surfaces/ntlmssp/acceptor.ts';
import { crackable, isAnonymous, ntlmNames, verifies } from '../surfaces/ntlmssp/responses.ts';
import { type Channel, openChannel } from './channel.ts';
import { type Message, PACKET } from './codec.ts';
import { type Dialect, dialectOf, TDS_42 } from './dialect.ts';
import { mssqlEvents } from './events.ts';
import { type DecodedLogin, decodeLogin7, decodeLogin42, type Login } from './login.ts';
import { clientName, type Encryption, FEATURE_FEDAUTH, loginDetail, loginFingerprint } from './login-record.ts';
import { type MssqlOptions, mssqlOptions } from './options.ts';
import { decodePrelogin, encodePrelogin, negotiateEncryption, type Prelogin } from './prelogin.ts';
import {
  agreedPacketSize,
  cannotOpenDatabase,
  loginFailed,
  refusal,
  sqlServerOf,
  untrustedDomain,
  welcome,
} from './replies.ts';
import { openRequests, type Requests } from './requests.ts';
import { findDatabase } from './sql/catalogue.ts';
import { TokenWriter } from './tokens.ts';

/** Bytes of a login message that SQL Server reads. */
const MAX_LOGIN = 128 * 1024;
/** Tokens that a client may send in one SSPI login; NTLM takes two, SPNEGO that turns from Kerberos three. */
const MAX_SSPI_TOKENS = 4;
const MAX_SAMPLE = 512;
const MAX_HELLO = 16_384;
/** How long TLS may take to end after the last answer. */
const CLOSE_MS = 2000;
/** System processes have the numbers below. */
const FIRST_SPID = 51;
const SPIDS = 150;
const TLS_HANDSHAKE = 22;
/** The first version that speaks TDS 8.0: SQL Server 2022. */
const STRICT_MAJOR = 16;

type State =
  | { kind: 'prelogin' }
  | { kind: 'login' }
  | { kind: 'sspi'; acceptor: NtlmAcceptor; login: Login; dialect: Dialect; tokens: number }
  | { kind: 'ready'; requests: Requests }
  | { kind: 'over' };

function openConnection(session: Session, options: MssqlOptions): Connection {
  const server = sqlServerOf(session.persona);
  let state: State = { kind: 'prelogin' };
  let prelogin: Prelogin | undefined;
  let encryption: Encryption = 'none';
  let started = false;
  /** Reads a ClientHello that this version would not answer. */
  let refusedHello: Framed<ClientHello> | undefined;

  const channel: Channel = openChannel(
    {
      session,
      message: onMessage,
      unprotected: onUnprotected,
      malformed: onMalformed,
      hello: onHello,
      send: (bytes) => session.send(bytes),
      closed: (byPeer) => over(byPeer ? 'peer_closed' : 'service_closed'),
    },
    options.maxMessageBytes,
  );

  function over(reason: Parameters<Session['close']>[0]): void {
    state = { kind: 'over' };
    session.close(reason);
  }

  function onHello(hello: ClientHello, value: string): void {
    session.note({ ja4: value });
    const name = hello.serverName;
    session.record('peer.fingerprint', {
      kind: 'ja4',
      value,
      ...(name === undefined ? {} : { detail: { server_name: textFromBytes(Buffer.from(name, 'latin1')) } }),
    });
  }

  /** SQL Server logs what it cannot read and closes without a word. */
  function onMalformed(code: string, bytes: Uint8Array): void {
    if (state.kind === 'over') return;
    session.record('peer.malformed', {
      code,
      ...(bytes.length === 0 ? {} : { bytes: textFromBytes(bytes.subarray(0, MAX_SAMPLE)) }),
    });
    over('protocol_error');
  }

  function onUnprotected(message: Message): void {
    const decoded = decodeLogin(message);
    if (decoded?.kind === 'login') introduce(decoded.login);
    if (decoded?.kind === 'login' && !decoded.login.integrated) recordClear(decoded.login, false);
    onMalformed('tds_clear_packet', message.body);
  }

  function onMessage(message: Message): void {
    switch (state.kind) {
      case 'over':
        return;
      case 'ready':
        state.requests.message(message);
        return;
      case 'sspi':
        if (message.type !== PACKET.sspi) {
          onMalformed('tds_order', message.body);
          return;
        }
        onSspi(state, message.body);
        return;
      case 'prelogin':
        if (message.type === PACKET.prelogin) {
          onPrelogin(message.body);
          return;
        }
        onLogin(message);
        return;
      case 'login':
        onLogin(message);
        return;
    }
  }

  function onPrelogin(body: Buffer): void {
    prelogin = decodePrelogin(body);
    if (prelogin === undefined) {
      onMalformed('prelogin', body);
      return;
    }
    const { answer, protection } = negotiateEncryption(prelogin.encryption, options.encryption);
    const instance = prelogin.instance.toString('latin1').toUpperCase();
    channel.reply(
      encodePrelogin({
        version: server.version,
        encryption: answer,
        wrongInstance: instance !== '' && instance !== 'MSSQLSERVER',
        // Sessions over one connection (MS-SMP) are not spoken, so they are agreed to only where no login gets that far.
        mars: prelogin.mars === undefined ? undefined : options.lure.accept === 'never' ? prelogin.mars & 1 : 0,
        fedauth: prelogin.fedauth === undefined ? undefined : 0,
      }),
    );
    state = { kind: 'login' };
    if (encryption === 'strict') return;
    if (protection === undefined) {
      session.record('peer.malformed', { code: 'encryption_mismatch' });
      over('service_closed');
      return;
    }
    encryption = protection;
    if (protection !== 'none') channel.secure(session.identity.tls('mssql', { maxVersion: 'TLSv1.2' }), protection);
  }

  function decodeLogin(message: Message): DecodedLogin | undefined {
    if (message.type !== PACKET.login7 && message.type !== PACKET.login42) return undefined;
    if (message.bytes > MAX_LOGIN) return { kind: 'malformed', code: 'login_too_large' };
    return message.type === PACKET.login7 ? decodeLogin7(message.body) : decodeLogin42(message.body);
  }

  function introduce(login: Login): void {
    const client = clientName(login);
    if (client !== '') session.note({ client });
    session.record('peer.fingerprint', { kind: 'tds_login', ...loginFingerprint(login, prelogin) });
  }

  function recordClear(login: Login, accepted: boolean, facts: Record<string, string> = {}): void {
    session.record('auth.attempt', {
      username: login.user,
      password: login.password,
      mechanism: 'plain',
      accepted,
      detail: { ...loginDetail(login, encryption), ...facts },
    });
  }

  function onLogin(message: Message): void {
    const decoded = decodeLogin(message);
    if (decoded === undefined) {
      onMalformed('tds_order', message.body);
      return;
    }
    if (decoded.kind === 'malformed') {
      onMalformed(decoded.code, message.body);
      return;
    }
    const login = decoded.login;
    const dialect = message.type === PACKET.login42 ? TDS_42 : dialectOf(login.tdsVersion);
    channel.spid = FIRST_SPID + (session.ordinal % SPIDS);
    introduce(login);
    if (decoded.tooLong || (encryption === 'none' && options.encryption === 'required')) {
      if (!login.integrated) recordClear(login, false);
      onMalformed(decoded.tooLong ? 'login_field_too_long' : 'tds_clear_packet', message.body);
      return;
    }
    if (login.integrated) {
      const acceptor = acceptNtlm({
        persona: session.persona,
        nowMs: session.now(),
        challenge: session.random(8),
      });
      state = { kind: 'sspi', acceptor, login, dialect, tokens: 0 };
      onSspi(state, login.sspi);
      return;
    }
    const fedauth = login.features.find(({ id }) => id === FEATURE_FEDAUTH);
    if (fedauth !== undefined && login.user === '') {
      session.record('auth.attempt', {
        username: null,
        password: null,
        mechanism: 'fedauth',
        accepted: false,
        detail: {
          ...loginDetail(login, encryption),
          token: textFromBytes(fedauth.data.subarray(0, MAX_SAMPLE * 2)),
        },
      });
      refuse(dialect, [loginFailed('')]);
      return;
    }
    const admitted = admits(options.lure, login.user, (password) => password === login.password, session.attempt());
    if (!admitted) {
      recordClear(login, false);
      refuse(dialect, [loginFailed(login.user)]);
      return;
    }
    const database = findDatabase(session.persona, login.database || 'master');
    recordClear(login, database !== undefined, database === undefined ? { refused: 'database' } : {});
    if (database === undefined) {
      refuse(dialect, [cannotOpenDatabase(login.database), loginFailed(login.user)]);
      return;
    }
    enter(login, dialect, login.user, database, Buffer.alloc(0));
  }

  function onSspi(from: Extract<State, { kind: 'sspi' }>, token: Buffer): void {
    from.tokens += 1;
    if (from.tokens > MAX_SSPI_TOKENS) {
      session.record('limit.reached', { limit: 'sspi tokens', value: MAX_SSPI_TOKENS });
      refuse(from.dialect, [untrustedDomain(server)]);
      return;
    }
    const step = from.acceptor.step(token);
    const detail = loginDetail(from.login, encryption);
    switch (step.kind) {
      case 'malformed': {
        session.record('auth.attempt', {
          username: from.login.user === '' ? null : from.login.user,
          password: null,
          mechanism: 'sspi',
          accepted: false,
          detail: { ...detail, problem: step.code, token: textFromBytes(token.subarray(0, MAX_SAMPLE)) },
        });
        refuse(from.dialect, [untrustedDomain(server)]);
        return;
      }
      case 'challenge': {
        if (step.negotiate !== undefined) {
          const { version, flags } = step.negotiate;
          session.record('peer.fingerprint', {
            kind: 'ntlm_negotiate',
            value: `${flags.toString(16).padStart(8, '0')}|${version === undefined ? '' : `${version.major}.${version.minor}.${version.build}`}`,
            detail: {
              domain: textFromBytes(step.negotiate.domain.subarray(0, 256)),
              workstation: textFromBytes(step.negotiate.workstation.subarray(0, 256)),
            },
          });
        }
        channel.reply(new TokenWriter(from.dialect, server.hostName).sspi(step.token).bytes());
        return;
      }
      case 'authenticate': {
        const { message, challenge } = step;
        const names = ntlmNames(message);
        const hash = crackable(message, challenge);
        const anonymous = isAnonymous(message);
        const admitted =
          !anonymous &&
          admits(options.lure, names.user, (password) => verifies(message, challenge, password), session.attempt());
        const database = findDatabase(session.persona, from.login.database || 'master');
        session.record('auth.attempt', {
          username: names.user,
          password: null,
          ...(hash === undefined ? {} : { hash: hash.hash, hash_format: hash.format }),
          mechanism: 'ntlmssp',
          accepted: admitted && database !== undefined,
          detail: { ...detail, domain: names.domain, workstation: names.workstation },
        });
        if (anonymous) {
          refuse(from.dialect, [loginFailed('NT AUTHORITY\\ANONYMOUS LOGON')]);
          return;
        }
        if (!admitted) {
          refuse(from.dialect, [untrustedDomain(server)]);
          return;
        }
        const user = `${names.domain || session.persona.domain}\\${names.user}`;
        if (database === undefined) {
          refuse(from.dialect, [cannotOpenDatabase(from.login.database), loginFailed(user)]);
          return;
        }
        enter(from.login, from.dialect, user, database, step.accepted);
        return;
      }
    }
  }

  function refuse(dialect: Dialect, messages: Parameters<typeof refusal>[2]): void {
    channel.reply(refusal(dialect, server, messages));
    state = { kind: 'over' };
    // TLS ends in a later turn, or not at all with a peer that has gone.
    if (encryption === 'all' || encryption === 'strict') session.after(CLOSE_MS, () => over('service_closed'));
    channel.close();
  }

  function enter(login: Login, dialect: Dialect, user: string, database: string, sspi: Buffer): void {
    const encrypted = encryption === 'all' || encryption === 'strict';
    const packetSize = agreedPacketSize(login.packetSize, encrypted);
    const language = login.language === '' ? 'us_english' : login.language;
    channel.reply(welcome(dialect, server, login, { database, language, packetSize, sspi }));
    channel.packetSize = packetSize;
    const requests = openRequests({ session, options, server, dialect, channel, login, user, database, encrypted });
    state = { kind: 'ready', requests };
  }

  /** TLS from the first byte, to a server that is too old for it: it closes, and we still read who asked. */
  function onRefusedHello(frames: Framed<ClientHello>, chunk: Buffer): void {
    for (const step of frames.push(chunk)) {
      if (step.kind === 'frame') onHello(step.frame, ja4(step.frame));
      onMalformed('tls_first', Buffer.alloc(0));
      return;
    }
  }

  return {
    data(chunk) {
      if (state.kind === 'over' || chunk.length === 0) return;
      if (!started) {
        started = true;
        if (chunk[0] === TLS_HANDSHAKE) {
          const answered = options.strict === 'always' || (options.strict === 'auto' && server.major >= STRICT_MAJOR);
          if (answered) {
            encryption = 'strict';
            channel.strict(session.identity.tls('mssql', { maxVersion: 'TLSv1.3' }));
          } else refusedHello = framed(decodeClientHello, MAX_HELLO);
        }
      }
      if (refusedHello !== undefined) return onRefusedHello(refusedHello, chunk);
      channel.data(chunk);
    },
    closed() {
      state = { kind: 'over' };
      channel.destroy();
    },
  };
}

export const mssql = defineService({
  name: 'mssql',
  title: 'Microsoft SQL Server',
  transport: 'tcp',
  ports: [1433],
  personas: ['windows-server'],
  options: mssqlOptions,
  events: mssqlEvents,
  product: (persona) => {
    const server = sqlServerOf(persona);
    return `${server.name} ${server.version}`;
  },
  open: openConnection,
});
