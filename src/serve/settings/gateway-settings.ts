import { duration, matching, networks, origins, toggle, whole } from './kinds.js';
import { setting, type ValuesOf } from './setting.js';

/** What a gateway can be set to, beside its limits. A setting's name is that of its variable: `keepAlive` is TAILRACE_KEEP_ALIVE. */
export const gatewaySettings = {
  origins: setting(origins, '', 'Origins whose pages may connect, beside the gateway’s own.'),
  basePath: setting(
    matching('a path like /events, without a slash at its end', /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)*$/),
    '',
    'What stands before `/graphql` in every path, where a proxy does not cut it off. Probes answer with it and without.',
  ),
  introspection: setting(toggle, 'off', 'Whether clients may ask for the schema.'),
  authCookie: setting(
    matching('the name of a cookie', /^[\w!#$%&'*+.^`|~-]+$/),
    'tailrace_token',
    'The cookie in which a browser may bring its token.',
  ),
  tokenLife: setting(
    duration(1_000, 365 * 24 * 3_600_000),
    '720h',
    'How long a token lives at most. Revocations are kept so long; a token that lives longer is good again afterwards.',
  ),
  tokenLeeway: setting(
    duration(0, 600_000),
    '5s',
    'By how much the clocks of who signs tokens may differ: before `nbf`, after `exp`, for an `iat` that lies ahead, and for one just after a revocation. The same on all gateways.',
  ),
  trustedHops: setting(
    whole(0, 16),
    '0',
    'Proxies in front whose X-Forwarded-For, -Host and -Proto, or `Forwarded`, are believed; 0 believes none: the address is the proxy’s, the own origin what it asks for.',
  ),
  proxyProtocol: setting(
    toggle,
    'off',
    'Whether every connection begins with a header of the PROXY protocol, version 1 or 2, which tells the client’s address.',
  ),
  proxyProtocolFrom: setting(
    networks,
    '127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7',
    'Who may send one; with TAILRACE_PROXY_PROTOCOL nobody else can connect. By default this machine and private networks.',
  ),
  compression: setting(
    toggle,
    'off',
    'Compress what WebSockets get (permessage-deflate), once for all who get the same; it saves bytes and costs CPU.',
  ),
  heartbeat: setting(duration(10), '12s', 'How often an idle stream gets a sign of life and a fresh cursor.'),
  keepAlive: setting(
    duration(10),
    '75s',
    'How long a connection is kept on which nothing is asked, on the admin port too: longer than the proxies in front keep theirs.',
  ),
  retirePeriod: setting(
    duration(),
    '10s',
    'Over how long a stopping gateway closes its sockets, each at a moment of its own, and tells whoever comes anew to come back later.',
  ),
};

export type GatewaySettings = ValuesOf<typeof gatewaySettings>;
