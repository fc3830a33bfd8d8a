import { join } from 'node:path';

/**
 * What a distribution brings around a file that is shown: its main file, as far as it matters, with everything that is
 * written in a folder of the test's own. A port is one of 127.0.0.1.
 * @typedef {{ folder: string, shown: string, port: number }} Around `shown`: where the file lies that is shown
 * @typedef {{ main: string, args: (file: string) => readonly string[] }} Started its main file, and how it is started with it
 */

/** As Debian enables them, and those that the file asks for. */
const apacheModules = [
  ...['mpm_event', 'authz_core', 'authz_host', 'reqtimeout', 'mime', 'setenvif', 'filter', 'deflate'],
  ...['ssl', 'socache_shmcb', 'headers', 'slotmem_shm'],
  ...['proxy', 'proxy_http', 'proxy_balancer', 'proxy_hcheck', 'lbmethod_byrequests', 'lbmethod_bybusyness'],
];

/** @type {Readonly<Record<import('./programs.mjs').ProxyName, (around: Around) => Started>>} */
export const mainFiles = {
  nginx: ({ folder, shown }) => ({
    main: [
      'daemon off;',
      `pid ${folder}/nginx.pid;`,
      'worker_processes 2;',
      'events { worker_connections 4096; }',
      'http {',
      '  access_log off;',
      ...['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((each) => `  ${each}_temp_path ${folder}/${each};`),
      `  include ${shown};`,
      '}',
    ].join('\n'),
    args: (file) => ['-p', folder, '-e', 'stderr', '-c', file],
  }),
  HAProxy: ({ shown }) => ({ main: '', args: () => ['-db', '-f', shown] }),
  Apache: ({ folder, shown, port }) => ({
    main: [
      `ServerRoot ${folder}`,
      `PidFile ${folder}/apache.pid`,
      `DefaultRuntimeDir ${folder}`,
      'ServerName localhost',
      `Listen 127.0.0.1:${port}`,
      'ErrorLog /dev/stderr',
      ...apacheModules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      // Only root may choose, and has to.
      'User nobody',
      'Group nogroup',
      'RequestReadTimeout header=20-40,minrate=500',
      'RequestReadTimeout body=10,minrate=500',
      'TypesConfig /dev/null',
      'SSLSessionCache none',
      `Include ${shown}`,
    ].join('\n'),
    args: (file) => ['-DFOREGROUND', '-f', file],
  }),
  Caddy: ({ folder, shown }) => ({
    main: [
      '{',
      '  admin off',
      '  persist_config off',
      '  auto_https disable_redirects',
      '  default_bind 127.0.0.1',
      `  storage file_system ${join(folder, 'storage')}`,
      '}',
      `import ${shown}`,
    ].join('\n'),
    args: (file) => ['run', '--adapter', 'caddyfile', '--config', file],
  }),
  // Base ids are of the whole machine: two of a test need two.
  Envoy: ({ shown }) => ({
    main: '',
    args: () => ['--use-dynamic-base-id', '--concurrency', '2', '--log-level', 'warning', '-c', shown],
  }),
};
