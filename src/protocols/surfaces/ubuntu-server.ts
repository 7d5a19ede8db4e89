/** An Ubuntu LTS server with the packages of its release: a web server, a database, FTP. */
import { installed, lastBoot, type Persona, type PersonaSeed, type Product } from './persona.ts';

interface Release {
  os: Product;
  kernels: readonly [string, ...string[]];
  products: Readonly<Record<'nginx' | 'apache' | 'mysql' | 'vsftpd', string>>;
}

/** Package versions as the release's updates archive has them. */
const RELEASES: readonly [Release, ...Release[]] = [
  {
    os: { name: 'Ubuntu', version: '20.04.6 LTS' },
    kernels: ['5.4.0-169-generic', '5.4.0-182-generic', '5.4.0-200-generic'],
    products: { nginx: '1.18.0', apache: '2.4.41', mysql: '8.0.36-0ubuntu0.20.04.1', vsftpd: '3.0.5' },
  },
  {
    os: { name: 'Ubuntu', version: '22.04.4 LTS' },
    kernels: ['5.15.0-94-generic', '5.15.0-105-generic', '5.15.0-119-generic'],
    products: { nginx: '1.18.0', apache: '2.4.52', mysql: '8.0.36-0ubuntu0.22.04.1', vsftpd: '3.0.5' },
  },
  {
    os: { name: 'Ubuntu', version: '24.04.1 LTS' },
    kernels: ['6.8.0-31-generic', '6.8.0-45-generic', '6.8.0-51-generic'],
    products: { nginx: '1.24.0', apache: '2.4.58', mysql: '8.0.40-0ubuntu0.24.04.1', vsftpd: '3.0.5' },
  },
];

const ORGANISATIONS = [
  'fernhill',
  'palisade',
  'quillwork',
  'saltmarsh',
  'tinderbox',
  'umberline',
  'verdigris',
  'wrenfield',
  'yarrow',
  'ashlar',
] as const;
const USERS = ['deploy', 'ubuntu', 'dev', 'www', 'tomas', 'maria', 'git', 'ops', 'backup', 'jens'] as const;

export function ubuntuServer(seed: PersonaSeed, nowMs: number): Persona {
  const release = seed.pick('release', RELEASES);
  const organisation = seed.pick('organisation', ORGANISATIONS);
  const role = seed.pick('role', ['web', 'app', 'db', 'srv', 'node', 'prod', 'stage'] as const);
  const hostName = `${role}-${String(seed.number('host number', 1, 19)).padStart(2, '0')}`;
  const web = seed.pick('web server', ['nginx', 'apache'] as const);
  const domain = `${organisation}.${seed.pick('tld', ['net', 'io', 'com', 'org'] as const)}`;
  return {
    kind: 'ubuntu-server',
    hostName,
    fqdn: `${hostName}.${domain}`,
    domain,
    os: release.os,
    kernel: seed.pick('kernel', release.kernels),
    bootedAt: lastBoot(seed, nowMs),
    installedAt: installed(seed),
    zoneMinutes: seed.pick('zone', [0, 0, 0, 60, -300] as const),
    user: seed.pick('user', USERS),
    organisation,
    products: {
      http:
        web === 'nginx'
          ? { name: 'nginx', version: release.products.nginx }
          : { name: 'Apache httpd', version: release.products.apache },
      ftp: { name: 'vsftpd', version: release.products.vsftpd },
      mssql: { name: 'Microsoft SQL Server 2019 (RTM-CU18)', version: '15.0.4261.1' },
      mysql: { name: 'MySQL', version: release.products.mysql },
      telnet: { name: 'Linux telnetd', version: '' },
    },
    secret: seed.secret,
    pick: seed.pick,
    number: seed.number,
  };
}
