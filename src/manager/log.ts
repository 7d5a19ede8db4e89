/** The manager's log: JSON lines on standard error. */
import { type DestinationStream, type Logger, pino } from 'pino';

export type Log = Pick<Logger, 'info' | 'warn' | 'error' | 'debug'>;

export function openLog(part: string, destination?: DestinationStream): Logger {
  return pino(
    { base: { part }, timestamp: pino.stdTimeFunctions.isoTime, formatters: { level: (level) => ({ level }) } },
    destination ?? pino.destination({ fd: 2, sync: true }),
  );
}
