import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
for (const n of process.argv.slice(2)) {
 const r = await build({ stdin:{contents:`export { ${n} } from './src/client/index.ts'`, resolveDir: process.cwd()}, bundle:true, minify:true, format:'esm', platform:'browser', target:'es2022', write:false, metafile:true});
 const out=Object.values(r.metafile.outputs)[0];
 console.log(n, r.outputFiles[0].contents.length, gzipSync(r.outputFiles[0].contents).length, JSON.stringify(Object.fromEntries(Object.entries(out.inputs).map(([k,v])=>[k.replace('src/client/',''),v.bytesInOutput]))));
}
