import { run } from '../../bin/process.js';
import { eventually } from '../eventually.js';

export type AuditLine = Readonly<Record<string, unknown>>;

/** A gateway as a process that keeps its port over restarts; killed at the end of its scope. */
export interface GatewayProcess extends AsyncDisposable {
  readonly port: number;
  /** Lines of its audit so far, those before a restart too. */
  audit(): readonly AuditLine[];
  /** Resolves when it is ready. */
  start(): Promise<void>;
  /** Ends it by SIGKILL, as a crash would, or by SIGTERM, as a deployment would; resolves when it has gone. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void>;
}

/** A gateway by these variables, not started yet. */
export function gatewayProcess(port: number, env: Readonly<Record<string, string>>): GatewayProcess {
  const runs: ReturnType<typeof run>[] = [];
  const end = async (signal: NodeJS.Signals) => {
    runs.at(-1)?.child.kill(signal);
    await runs.at(-1)?.ended;
  };
  return {
    port,
    audit: () => runs.flatMap(({ log }) => auditOf(log())),
    async start() {
      const running = run(['gateway'], { ...env, TAILRACE_PORT: String(port), TAILRACE_ADMIN_PORT: '0' });
      runs.push(running);
      // Of its own port a gateway may ask for TLS, or for a header of the PROXY protocol.
      const [, admin] = await running.until(/"adminPort":(\d+)/);
      await running.until(/"port":(\d+)/);
      await eventually('the gateway is ready', async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok);
    },
    end,
    [Symbol.asyncDispose]: () => end('SIGKILL'),
  };
}

/** What a killed process was writing has no end of line. */
const auditOf = (log: string): AuditLine[] =>
  log
    .split('\n')
    .slice(0, -1)
    .filter((line) => line.includes('"name":"audit"'))
    .map((line) => JSON.parse(line));
