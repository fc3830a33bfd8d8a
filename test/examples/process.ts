import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

/**
 * An example's own process, as its README starts it. Resolves with the port when it says that it listens; it ends with
 * its scope, or by `stop` with its exit code.
 */
export async function startExample(file: string, env: Readonly<Record<string, string>>) {
  const script = fileURLToPath(new URL(`../../examples/${file}`, import.meta.url));
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TAILRACE_')));
  const child = spawn(process.execPath, ['--import', tsx, script], { cwd: root, env: { ...clean, PORT: '0', ...env } });
  let said = '';
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const port = await new Promise<number>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const found = /(?:listening on |127\.0\.0\.1:)(\d+)/.exec(said);
        if (found) resolve(Number(found[1]));
      });
    void ended.then((code) => reject(new Error(`${file} ended with ${code}:\n${said}`)));
  });
  return {
    port,
    stop(): Promise<number | null> {
      child.kill('SIGTERM');
      return ended;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
