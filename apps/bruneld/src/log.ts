import { type Logger, pino } from 'pino'

export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error'>

/** JSON lines on standard error. Whatever is called like a secret is cut out, should it ever get this far. */
export function openLog(level: string, version: string): Logger {
  return pino(
    {
      name: 'bruneld',
      level,
      base: { version },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: label => ({ level: label }) },
      redact: {
        paths: [
          'psk',
          '*.psk',
          'privateKey',
          '*.privateKey',
          'secret',
          '*.secret',
          'auth',
          '*.auth',
          'keysIn',
          'keysOut',
          'authorization',
        ],
        remove: true,
      },
    },
    pino.destination({ fd: 2, sync: true }),
  )
}
