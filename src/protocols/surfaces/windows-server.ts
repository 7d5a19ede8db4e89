/** A Windows Server as a small company runs it: IIS, SQL Server, and the services that such a machine has open. */
import { installed, lastBoot, type Persona, type PersonaSeed, type Product, seededLetters } from './persona.ts';

interface Release {
  os: Product;
  kernel: string;
  iis: string;
  /** SQL Server as @@VERSION and PRELOGIN show it: major.minor.build.revision. */
  sql: readonly [Product, ...Product[]];
}

/** Builds as Microsoft's update history lists them. */
const RELEASES: readonly [Release, ...Release[]] = [
  {
    os: { name: 'Windows Server 2016 Standard', version: '10.0.14393' },
    kernel: '10.0.14393',
    iis: '10.0',
    sql: [
      { name: 'Microsoft SQL Server 2016 (SP3)', version: '13.0.6300.2' },
      { name: 'Microsoft SQL Server 2017 (RTM)', version: '14.0.1000.169' },
    ],
  },
  {
    os: { name: 'Windows Server 2019 Standard', version: '10.0.17763' },
    kernel: '10.0.17763',
    iis: '10.0',
    sql: [
      { name: 'Microsoft SQL Server 2017 (RTM-CU31)', version: '14.0.3456.2' },
      { name: 'Microsoft SQL Server 2019 (RTM)', version: '15.0.2000.5' },
    ],
  },
  {
    os: { name: 'Windows Server 2022 Standard', version: '10.0.20348' },
    kernel: '10.0.20348',
    iis: '10.0',
    sql: [
      { name: 'Microsoft SQL Server 2019 (RTM-CU18)', version: '15.0.4261.1' },
      { name: 'Microsoft SQL Server 2022 (RTM)', version: '16.0.1000.6' },
    ],
  },
];

const ORGANISATIONS = [
  'Harlan',
  'Brightwater',
  'Nordfeld',
  'Castellan',
  'Ferrous',
  'Meridian',
  'Kestrel',
  'Oakridge',
  'Lindqvist',
  'Tamarack',
  'Bellwether',
  'Stonegate',
] as const;
const USERS = [
  'jhall',
  'mweber',
  'svc_sql',
  'akumar',
  'backup',
  'lrossi',
  'tbrown',
  'dnovak',
  'erp',
  'pmartin',
] as const;

export function windowsServer(seed: PersonaSeed, nowMs: number): Persona {
  const release = seed.pick('release', RELEASES);
  const organisation = seed.pick('organisation', ORGANISATIONS);
  const role = seed.pick('role', ['DB', 'APP', 'FS', 'ERP', 'WEB'] as const);
  const hostName = seed.pick('name style', [
    `WIN-${seededLetters(seed, 'host', 11)}`,
    `${organisation.toUpperCase().slice(0, 4)}-${role}${seed.number('host number', 1, 9)}`,
    `SRV-${role}${String(seed.number('host number', 1, 24)).padStart(2, '0')}`,
  ]);
  const domain = `${organisation.toLowerCase()}.local`;
  return {
    kind: 'windows-server',
    hostName,
    fqdn: `${hostName.toLowerCase()}.${domain}`,
    domain: organisation.toUpperCase(),
    os: release.os,
    kernel: release.kernel,
    bootedAt: lastBoot(seed, nowMs),
    installedAt: installed(seed),
    zoneMinutes: seed.pick('zone', [-480, -360, -300, 0, 60, 120, 330, 480] as const),
    user: seed.pick('user', USERS),
    organisation,
    products: {
      http: { name: 'Microsoft IIS httpd', version: release.iis },
      ftp: { name: 'Microsoft ftpd', version: release.iis },
      mssql: seed.pick('sql', release.sql),
      mysql: { name: 'MySQL', version: seed.pick('mysql', ['5.7.41', '5.7.44', '8.0.32', '8.0.36'] as const) },
      telnet: { name: 'Microsoft Windows XP telnetd', version: '' },
    },
    secret: seed.secret,
    pick: seed.pick,
    number: seed.number,
  };
}
