/** What a login tells of its client, as the records keep it. */
import { textFromBytes } from '../../events/index.ts';
import { versionName } from './dialect.ts';
import type { Login } from './login.ts';
import type { Prelogin } from './prelogin.ts';

type Detail = Record<string, string | number | boolean | string[]>;

/** How the login message crossed the wire. */
export type Encryption = 'none' | 'login' | 'all' | 'strict';

/** Feature ids of MS-TDS §2.2.6.4. */
const FEATURES: Readonly<Record<number, string>> = {
  1: 'sessionrecovery',
  2: 'fedauth',
  4: 'columnencryption',
  5: 'globaltransactions',
  8: 'azuresqlsupport',
  9: 'dataclassification',
  10: 'utf8_support',
  11: 'azuresqldnscaching',
  13: 'jsonsupport',
  14: 'vectorsupport',
  16: 'useragent',
};
export const FEATURE_FEDAUTH = 2;
const FEATURE_USER_AGENT = 16;

export function featureNames(login: Login): string[] {
  return login.features.map(({ id }) => FEATURES[id] ?? String(id));
}

export function loginDetail(login: Login, encryption: Encryption): Detail {
  const detail: Detail = { tds_version: versionName(login.tdsVersion), encryption };
  const texts: [string, string][] = [
    ['host', login.host],
    ['app', login.app],
    ['server', login.server],
    ['library', login.library],
    ['language', login.language],
    ['database', login.database],
    ['client_id', login.clientId],
    ['attach_file', login.attachFile],
    ['new_password', login.newPassword ?? ''],
  ];
  for (const [name, text] of texts) if (text !== '') detail[name] = text;
  if (login.clientPid !== 0) detail.client_pid = login.clientPid;
  if (login.timeZone !== 0) detail.time_zone = login.timeZone;
  if (login.lcid !== 0) detail.lcid = login.lcid;
  return detail;
}

/** The client library's habits: the same tool makes the same value whatever it tries. */
export function loginFingerprint(login: Login, prelogin: Prelogin | undefined): { value: string; detail: Detail } {
  const features = featureNames(login);
  const parts = [
    versionName(login.tdsVersion),
    login.packetSize,
    login.clientVersion,
    login.flags,
    login.library,
    features.join(','),
    prelogin?.tokens.join(',') ?? '',
  ];
  const detail: Detail = {
    tds_version: versionName(login.tdsVersion),
    packet_size: login.packetSize,
    client_version: login.clientVersion,
    flags: login.flags,
    library: login.library,
  };
  if (features.length > 0) detail.features = features;
  const agent = login.features.find(({ id }) => id === FEATURE_USER_AGENT);
  if (agent !== undefined) detail.user_agent = textFromBytes(agent.data.subarray(0, 512));
  if (prelogin !== undefined) {
    detail.prelogin_version = prelogin.version;
    detail.prelogin_tokens = prelogin.tokens.map(String);
    if (prelogin.encryption !== undefined) detail.prelogin_encryption = prelogin.encryption;
    if (prelogin.instance.length > 0) detail.instance = textFromBytes(prelogin.instance.subarray(0, 256));
    if (prelogin.threadId !== undefined) detail.thread_id = prelogin.threadId;
  }
  return { value: parts.join('|'), detail };
}

/** How the client names its software: the program, by way of its library. */
export function clientName(login: Login): string {
  return login.app === '' ? login.library : login.library === '' ? login.app : `${login.app} (${login.library})`;
}
