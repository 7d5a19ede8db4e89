/** System and status variables, as `SHOW VARIABLES`, `@@name` and `SHOW STATUS` give them. */
import type { Persona } from '../../surfaces/persona.ts';
import type { Face } from '../replies.ts';

export interface Facts {
  persona: Persona;
  face: Face;
  nowMs: number;
  maxPacketBytes: number;
  tls: boolean;
  fileWrites: boolean;
}

interface Paths {
  base: string;
  data: string;
  plugins: string;
  files: string;
  socket: string;
  temporary: string;
}

export function pathsOf(persona: Persona, face: Face): Paths {
  if (persona.kind === 'windows-server') {
    const root = `C:\\Program Files\\MySQL\\MySQL Server ${face.series}\\`;
    const data = `C:\\ProgramData\\MySQL\\MySQL Server ${face.series}\\`;
    return {
      base: root,
      data: `${data}Data\\`,
      plugins: `${root}lib\\plugin\\`,
      files: `${data}Uploads\\`,
      socket: 'MySQL',
      temporary: 'C:\\Windows\\SERVIC~1\\NETWOR~1\\AppData\\Local\\Temp',
    };
  }
  return {
    base: '/usr/',
    data: '/var/lib/mysql/',
    plugins: '/usr/lib/mysql/plugin/',
    files: '/var/lib/mysql-files/',
    socket: '/var/run/mysqld/mysqld.sock',
    temporary: '/tmp',
  };
}

const uuidOf = (hex: string): string =>
  `${hex.slice(0, 8)}-${hex.slice(8, 12)}-11${hex.slice(14, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;

/** Name to value, in the order of names. */
export function systemVariables(facts: Facts): Map<string, string> {
  const { persona, face } = facts;
  const paths = pathsOf(persona, face);
  const windows = persona.kind === 'windows-server';
  const modern = face.series === '8.0';
  const host = persona.hostName;
  const charset = modern ? 'utf8mb4' : 'latin1';
  const variables: Record<string, string> = {
    auto_increment_increment: '1',
    auto_increment_offset: '1',
    autocommit: 'ON',
    back_log: modern ? '151' : '80',
    basedir: paths.base,
    bind_address: '*',
    binlog_format: 'ROW',
    character_set_client: 'utf8mb4',
    character_set_connection: 'utf8mb4',
    character_set_database: charset,
    character_set_filesystem: 'binary',
    character_set_results: 'utf8mb4',
    character_set_server: charset,
    character_set_system: modern ? 'utf8mb3' : 'utf8',
    character_sets_dir: windows ? `${paths.base}share\\charsets\\` : '/usr/share/mysql/charsets/',
    collation_connection: modern ? 'utf8mb4_0900_ai_ci' : 'utf8mb4_general_ci',
    collation_database: face.collation,
    collation_server: face.collation,
    connect_timeout: '10',
    datadir: paths.data,
    default_authentication_plugin: face.plugin,
    default_storage_engine: 'InnoDB',
    event_scheduler: modern ? 'ON' : 'OFF',
    general_log: 'OFF',
    general_log_file: `${paths.data}${host}.log`,
    have_dynamic_loading: 'YES',
    have_openssl: facts.tls ? 'YES' : 'DISABLED',
    have_ssl: facts.tls ? 'YES' : 'DISABLED',
    hostname: host,
    init_connect: '',
    init_file: '',
    innodb_buffer_pool_size: '134217728',
    innodb_version: face.version.split('-')[0] ?? face.version,
    interactive_timeout: '28800',
    license: 'GPL',
    local_infile: modern ? 'OFF' : 'ON',
    log_bin: modern ? 'ON' : 'OFF',
    log_error: windows ? `.\\${host}.err` : '/var/log/mysql/error.log',
    log_output: 'FILE',
    lower_case_file_system: windows ? 'ON' : 'OFF',
    lower_case_table_names: windows ? '1' : '0',
    max_allowed_packet: modern ? '67108864' : '4194304',
    max_connections: '151',
    max_execution_time: '0',
    net_buffer_length: '16384',
    net_read_timeout: '30',
    net_write_timeout: '60',
    performance_schema: 'ON',
    pid_file: windows ? `${paths.data}${host}.pid` : '/var/run/mysqld/mysqld.pid',
    plugin_dir: paths.plugins,
    port: '3306',
    protocol_version: '10',
    pseudo_thread_id: '0',
    read_only: 'OFF',
    require_secure_transport: 'OFF',
    secure_file_priv: facts.fileWrites ? '' : paths.files,
    server_id: modern ? '1' : '0',
    server_uuid: uuidOf(persona.secret('mysql server uuid', 16).toString('hex')),
    skip_external_locking: 'ON',
    skip_name_resolve: 'OFF',
    skip_networking: 'OFF',
    slow_query_log: 'OFF',
    slow_query_log_file: `${paths.data}${host}-slow.log`,
    socket: paths.socket,
    sql_mode: modern
      ? 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'
      : 'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION',
    sql_quote_show_create: 'ON',
    ssl_ca: facts.tls ? 'ca.pem' : '',
    ssl_cert: facts.tls ? 'server-cert.pem' : '',
    ssl_key: facts.tls ? 'server-key.pem' : '',
    super_read_only: 'OFF',
    system_time_zone: zoneName(persona),
    table_open_cache: modern ? '4000' : '2000',
    thread_cache_size: '9',
    time_zone: 'SYSTEM',
    tls_version: modern ? 'TLSv1.2,TLSv1.3' : 'TLSv1,TLSv1.1,TLSv1.2',
    tmpdir: paths.temporary,
    [modern ? 'transaction_isolation' : 'tx_isolation']: 'REPEATABLE-READ',
    [modern ? 'transaction_read_only' : 'tx_read_only']: 'OFF',
    unique_checks: 'ON',
    version: face.version,
    version_comment: face.versionComment,
    version_compile_machine: face.machine,
    version_compile_os: face.versionOs,
    wait_timeout: '28800',
  };
  if (!modern)
    Object.assign(variables, {
      have_query_cache: 'YES',
      query_cache_size: '1048576',
      query_cache_type: 'OFF',
      transaction_isolation: 'REPEATABLE-READ',
      transaction_read_only: 'OFF',
    });
  return new Map(Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function zoneName(persona: Persona): string {
  if (persona.zoneMinutes === 0) return persona.kind === 'windows-server' ? 'GMT Standard Time' : 'UTC';
  const hours = Math.trunc(Math.abs(persona.zoneMinutes) / 60);
  return `${persona.zoneMinutes < 0 ? '-' : '+'}${String(hours).padStart(2, '0')}`;
}

/** A server's day: counters grow with the time since its start. */
export function statusVariables(facts: Facts, connections: number, questions: number): Map<string, string> {
  const uptime = uptimeSeconds(facts);
  const asked = connections * 7 + questions;
  const entries: Record<string, string> = {
    Aborted_clients: String(Math.floor(connections / 40)),
    Aborted_connects: String(Math.floor(connections / 9)),
    Bytes_received: String(asked * 83),
    Bytes_sent: String(asked * 611),
    Com_select: String(Math.floor(asked / 2)),
    Connections: String(connections + 1),
    Innodb_page_size: '16384',
    Max_used_connections: String(facts.persona.number('mysql max used', 4, 31)),
    Open_files: '3',
    Open_tables: '110',
    Opened_tables: '192',
    Queries: String(asked),
    Questions: String(questions),
    Slow_queries: '0',
    Ssl_cipher: '',
    Ssl_version: '',
    Threads_cached: '1',
    Threads_connected: '2',
    Threads_created: '4',
    Threads_running: '2',
    Uptime: String(uptime),
    Uptime_since_flush_status: String(uptime),
  };
  return new Map(Object.entries(entries));
}

export const uptimeSeconds = (facts: Facts): number =>
  Math.max(
    1,
    Math.floor((facts.nowMs - facts.persona.bootedAt) / 1000) - facts.persona.number('mysql start delay', 9, 40),
  );
