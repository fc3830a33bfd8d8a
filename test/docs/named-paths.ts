import { projectFiles } from './project-files.js';

/** What is made and not kept: it need not be there. */
const made = /^(dist|node_modules|bench\/results)\b/;
const roots = [
  ...new Set(projectFiles.flatMap((file) => (file.includes('/') ? [file.split('/')[0] ?? ''] : []))),
].filter((root) => !root.startsWith('.'));
const source = 'ts|mjs|cjs|md|ya?ml|json|graphql|acl|svg|grit';

const fromRoot = new RegExp(`(?<![\\w./@:-])(?:${roots.join('|')})/[\\w./*@-]*`, 'g');
const withFolder = new RegExp(`(?<![\\w./@:<>*-])[\\w-]+(?:/[\\w*.-]+)+\\.(?:${source})\\b`, 'g');
const bare = /(?<=`)[\w.-]+\.(?:ts|mjs|cjs|grit)(?=`)/g;

const paths = new Set(
  projectFiles.flatMap((file) => file.split('/').map((_, last, parts) => parts.slice(0, last + 1).join('/'))),
);
const names = new Set(projectFiles.map((file) => file.split('/').at(-1) ?? ''));

function exists(path: string): boolean {
  const wanted = path.replace(/[./]+$/, '');
  if (made.test(wanted)) return true;
  if (!wanted.includes('*')) return paths.has(wanted);
  const pattern = new RegExp(`^${wanted.split('*').map(escaped).join('[^/]*')}$`);
  return [...paths].some((one) => pattern.test(one));
}

const escaped = (text: string) => text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');

/**
 * What is wrong with the paths that a text names. A path of this project is written from its root (`src/hub/hub.ts`), or
 * is the bare name of a file. A `*` stands for any part of a name.
 */
export function wrongPaths(text: string): string[] {
  const rooted = [...text.matchAll(fromRoot)].map(([path]) => path);
  const short = [...text.matchAll(withFolder)].map(([path]) => path).filter((path) => !/^(\w+):|^www\./.test(path));
  return [
    ...rooted.filter((path) => !exists(path)).map((path) => `${path} is not there`),
    ...short
      .filter((path) => !roots.includes(path.split('/')[0] ?? '') && !made.test(path))
      .map((path) => `${path} does not begin at the root`),
    ...[...text.matchAll(bare)].filter(([name]) => !names.has(name)).map(([name]) => `${name} is no file's name`),
  ];
}

/** The comments of a source in JavaScript, TypeScript or Grit. */
export const commentsOf = (text: string): string =>
  [...text.matchAll(/\/\*[\s\S]*?\*\/|(?<![:'"`\w\\])\/\/.*$/gm)].map(([comment]) => comment).join('\n');
