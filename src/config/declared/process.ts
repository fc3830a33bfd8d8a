import { toggle, whole } from '../../serve/settings/kinds.js';
import { oneOf, text } from '../kinds.js';
import { declaredFor, inDev } from '../variable.js';

const everywhere = declaredFor('dev', 'gateway', 'relay', 'send', 'explain');
const running = declaredFor('dev', 'gateway', 'relay');
const reached = declaredFor('dev', 'gateway', 'relay', 'send');
const serving = declaredFor('dev', 'gateway');

/** What a process reads, writes and listens on. */
export const ofProcess = {
  schema: everywhere(text, './schema.graphql', 'The schema file.', { code: 'schema' }),
  resolvers: serving(
    text,
    null,
    'An ES module that exports `resolvers`. Without it, `resolvers.mjs` beside the schema file, when there is one.',
    { code: 'resolvers' },
  ),
  logLevel: running(
    oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
    inDev('warn', 'info'),
    'The least important log lines to write.',
    { code: 'logger' },
  ),
  audit: running(
    toggle,
    inDev('off', 'on'),
    'Whether the log has a line for each operation, refusal, renewal, revocation and admin call, whatever its level.',
    { code: 'audit' },
  ),
  auditArguments: serving(
    oneOf('on', 'names', 'off'),
    'names',
    'What those lines tell of an operation’s arguments: their values, their names, or nothing.',
    { code: 'audit' },
  ),
  host: serving(text, inDev('127.0.0.1', '0.0.0.0'), 'The address clients are served on.', { code: 'listen' }),
  port: serving(whole(0, 65_535), '4000', 'The port clients are served on; 0 takes any free one.', { code: 'listen' }),
  tlsCert: serving(
    text,
    null,
    'The certificate to serve with, followed by those that signed it (PEM): then clients are served by HTTP/2 and HTTP/1.1 over TLS.',
    { secret: true, code: 'tls.cert' },
  ),
  tlsKey: serving(
    text,
    null,
    'The key of that certificate (PEM). What comes from files is read again every five seconds.',
    { secret: true, code: 'tls.key' },
  ),
  adminHost: reached(text, '127.0.0.1', 'The address of metrics and health. Any but loopback needs an admin token.'),
  adminPort: reached(whole(0, 65_535), '4001', 'The port of metrics and health; 0 takes any free one.'),
  adminToken: reached(text, null, 'What the admin port asks for as `Authorization: Bearer …`.', { secret: true }),
  operations: serving(
    oneOf('allow', 'persisted-only'),
    'allow',
    'Whether clients may send the text of an operation, or only the id of a persisted one.',
    { code: 'operations' },
  ),
  operationsFile: serving(
    text,
    null,
    'The persisted operations: Apollo’s manifest, or a JSON object of documents by their ids.',
    { code: 'operations' },
  ),
  graphiql: serving(toggle, inDev('on', 'off'), 'Whether browsers get GraphiQL at /graphql.', { code: 'graphiql' }),
};
