import { type BuildOptions, build } from 'esbuild';

/** What a page loads of these sources, as one script: they are its global `name` then. */
export async function bundled(name: string, sources: Pick<BuildOptions, 'entryPoints' | 'stdin' | 'alias' | 'define'>) {
  const { outputFiles } = await build({
    ...sources,
    bundle: true,
    format: 'iife',
    globalName: name,
    platform: 'browser',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}
