import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../../scripts/services/ports.mjs';
import { kinds } from '../events.js';
import type { Send } from '../feed.js';
import type { Ground, Servers } from './ground.js';
import { startServer } from './processes.js';
import { publishTo } from './publish.js';

const module = '/usr/lib/nginx/modules/ngx_nchan_module.so';

/** Null when it is there, or could be installed; else why not. */
export function installNchan(): string | null {
  if (existsSync(module)) return null;
  if (process.getuid?.() !== 0) return 'nchan is left out: install nginx and libnginx-mod-nchan to have it';
  try {
    // Without its service: nothing is to be started but by this benchmark.
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
    execFileSync('apt-get', ['install', '-y', '--no-install-recommends', 'libnginx-mod-nchan'], {
      env,
      stdio: 'ignore',
    });
    return existsSync(module) ? null : 'nchan is left out: its package has no module here';
  } catch {
    return 'nchan is left out: it could not be installed';
  }
}

/** nginx in C with one worker: events come by HTTP, subscribers need no token and speak no GraphQL. Broadcast only. */
export async function nchan({ folder, kind }: Ground): Promise<Servers> {
  const [port, publishPort] = [await freePort(), await freePort()];
  const conf = join(folder, 'nginx.conf');
  writeFileSync(
    conf,
    `load_module ${module};
     daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr; worker_rlimit_nofile 20000;
     events { worker_connections 18000; }
     http {
       access_log off; nchan_message_buffer_length 100; client_body_temp_path ${folder}; proxy_temp_path ${folder};
       fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder};
       server { listen 127.0.0.1:${port} backlog=511; location / { nchan_subscriber websocket eventsource; nchan_channel_id all;
         nchan_subscriber_first_message newest; } }
       server { listen 127.0.0.1:${publishPort}; keepalive_requests 1000000; location / { nchan_publisher; nchan_channel_id all; } }
     }`,
  );
  const gateway = startServer(['nginx', '-p', folder, '-c', conf], {}, 'stderr');
  const publisher = publishTo(publishPort, '/');
  const { field } = kinds[kind];
  const send: Send = async (events) => {
    const cursor = 'x'.repeat(46);
    const bodies = events.map(({ event }) => JSON.stringify({ data: { [field]: event }, extensions: { cursor } }));
    await Promise.all(bodies.map(publisher.post));
  };
  return { gateway, relay: null, port, protocol: 'plain', feed: { send, close: publisher.close } };
}
