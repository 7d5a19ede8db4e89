/** The names that Modern Honey Network and its sensors have for protocols, and ours. */

/** Our protocol -> what MHN's exports call it: the class names of Dionaea's connections. */
const TO_MHN: Readonly<Record<string, string>> = {
  mssql: 'mssqld',
  mysql: 'mysqld',
  smb: 'smbd',
  http: 'httpd',
  ftp: 'ftpd',
  sip: 'SipSession',
  mongodb: 'mongod',
  memcached: 'Memcache',
  mqtt: 'mqttd',
  tftp: 'TftpServerHandler',
  upnp: 'upnpd',
  pptp: 'pptpd',
  epmap: 'epmapper',
  telnet: 'Blackhole',
  blackhole: 'Blackhole',
  probe: 'pcap',
};

const FROM_MHN: Readonly<Record<string, string>> = {
  mssqld: 'mssql',
  mysqld: 'mysql',
  smbd: 'smb',
  'microsoft-ds': 'smb',
  'netbios-ssn': 'smb',
  httpd: 'http',
  http: 'http',
  'http-alt': 'http',
  https: 'http',
  ftpd: 'ftp',
  ftpdatalisten: 'ftp',
  ftpdataconnect: 'ftp',
  SipSession: 'sip',
  SipCall: 'sip',
  RtpUdpStream: 'sip',
  mongod: 'mongodb',
  Memcache: 'memcached',
  mqttd: 'mqtt',
  TftpServerHandler: 'tftp',
  upnpd: 'upnp',
  pptpd: 'pptp',
  epmapper: 'epmap',
  'dcom-scm': 'epmap',
  mirrorc: 'mirror',
  mirrord: 'mirror',
  pcap: 'probe',
};
/** Longest name of a protocol in a record. */
const MAX_NAME = 64;
const TELNET_PORTS = new Set([23, 2323]);

/** What others call a protocol can be the name of something that every object has. */
const nameIn = (names: Readonly<Record<string, string>>, name: string): string | undefined =>
  Object.hasOwn(names, name) ? names[name] : undefined;

export const mhnProtocol = (protocol: string): string => nameIn(TO_MHN, protocol) ?? protocol;

/** Our name for what an MHN row calls a protocol. Dionaea's catch-all on a telnet port is telnet; a stray quote is dropped. */
export function serviceOfMhn(protocol: string, port: number | null): string {
  const bare = protocol.replaceAll('"', '');
  if (bare === 'Blackhole') return port !== null && TELNET_PORTS.has(port) ? 'telnet' : 'blackhole';
  // Small letters can be more than the large ones were: İ.
  return nameIn(FROM_MHN, bare) ?? bare.toLowerCase().slice(0, MAX_NAME);
}
