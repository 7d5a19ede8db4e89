/** Log lines of the store host: JSON, one a line, on stderr. The supervisor reads them into its own log. */

export type Level = 'info' | 'warn' | 'error';

export function log(level: Level, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
  process.stderr.write(
    `${JSON.stringify({ at: new Date().toISOString(), level, part: 'store-host', message, ...facts })}\n`,
  );
}
