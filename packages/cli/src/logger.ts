import pino, { type Logger } from 'pino';
import pretty from 'pino-pretty';

/** Logs to standard error: readable lines on a terminal, JSON elsewhere. Standard output is for results. */
export function createLogger(level: string): Logger {
  if (process.stderr.isTTY) {
    const stream = pretty({ destination: 2, sync: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' });
    return pino({ level }, stream);
  }
  return pino({ level }, pino.destination({ dest: 2, sync: true }));
}
