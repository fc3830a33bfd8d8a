import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/read.js';
import { serviceLinks } from '../../src/config/service-links.js';
import type { Command } from '../../src/config/variable.js';
import type { Environment } from '../../src/config/variables.js';

interface Service {
  readonly name: string;
  readonly address: string;
  readonly ports: readonly {
    readonly name: string;
    readonly port: number;
    readonly protocol: 'TCP' | 'UDP' | 'SCTP';
  }[];
}

/** What a kubelet puts into the environment of each container: pkg/kubelet/envvars of Kubernetes. */
function linksOf({ name, address, ports }: Service): Record<string, string> {
  const upper = (words: string) => words.replaceAll('-', '_').toUpperCase();
  const host = address.includes(':') ? `[${address}]` : address;
  const env: Record<string, string> = {
    [`${upper(name)}_SERVICE_HOST`]: address,
    [`${upper(name)}_SERVICE_PORT`]: String(ports[0]?.port),
  };
  for (const one of ports) if (one.name) env[`${upper(name)}_SERVICE_PORT_${upper(one.name)}`] = String(one.port);
  for (const [n, { port, protocol }] of ports.entries()) {
    const url = `${protocol.toLowerCase()}://${host}:${port}`;
    if (n === 0) env[`${upper(name)}_PORT`] = url;
    const prefix = `${upper(name)}_PORT_${port}_${protocol}`;
    Object.assign(env, {
      [prefix]: url,
      [`${prefix}_PROTO`]: protocol.toLowerCase(),
      [`${prefix}_PORT`]: String(port),
      [`${prefix}_ADDR`]: address,
    });
  }
  return env;
}

const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,12}[a-z0-9])?$/);
const service: fc.Arbitrary<Service> = fc.record({
  name: fc.oneof(
    fc.constantFrom(
      'tailrace',
      'tailrace-gateway',
      'tailrace-relay',
      'tailrace-admin',
      'tailrace-2',
      'tailrace-port-9',
    ),
    label.map((rest) => `tailrace-${rest}`),
  ),
  address: fc.oneof(
    fc.ipV4(),
    fc.ipV6().filter((address) => !address.includes('.')),
    fc.constant('fd00:10:96::1'),
  ),
  ports: fc.array(
    fc.record({
      name: fc.oneof(label, fc.constantFrom('', 'http', 'https-admin')),
      port: fc.integer({ min: 1, max: 65_535 }),
      protocol: fc.constantFrom('TCP', 'UDP', 'SCTP'),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

const faults = (env: Environment, command: Command) => {
  const read = readConfig(env, command);
  return 'faults' in read ? read.faults : [];
};
const commands = ['dev', 'gateway', 'relay', 'check', 'token', 'explain', 'revoke', 'sample'] as const;

describe('beside Services whose names begin with tailrace', () => {
  test('every command reads what it would read without them', () => {
    fc.assert(
      fc.property(
        fc.array(service, { minLength: 1, maxLength: 3 }),
        fc.constantFrom(...commands),
        (services, command) => {
          const links = Object.assign({}, ...services.map(linksOf)) as Record<string, string>;
          const own = { TAILRACE_CURSOR_SECRET: 'c', TAILRACE_AUTH_JWT_SECRET: 'k', TAILRACE_HEARTBEAT: '5s' };
          expect(readConfig({ ...links, ...own }, command)).toEqual(readConfig(own, command));
          expect(serviceLinks({ ...links, ...own })).toEqual(Object.keys(links).sort());
        },
      ),
    );
  });

  test('a setting that the pod itself gives counts, whatever a Service would have put in its place', () => {
    const { TAILRACE_PORT: _, ...links } = linksOf({
      name: 'tailrace',
      address: '10.96.12.7',
      ports: [{ name: '', port: 4000, protocol: 'TCP' }],
    });
    const read = readConfig({ ...links, TAILRACE_PORT: '4100', TAILRACE_ADMIN_PORT: 'tcp://10.96.12.8:80' }, 'dev');
    expect('config' in read && [read.config.port, read.config.adminPort]).toEqual([4100, 4001]);
  });

  test.each([
    ['TAILRACE_PROT', 'tcp://10.96.12.7:4000'],
    ['TAILRACE_PROT', '4000'],
    ['TAILRACE_GATEWAY_PORT', '4000'],
    ['TAILRACE_SERVICE_HOST', 'gateway.example'],
    ['TAILRACE_SERVICE_PORT', 'http'],
    ['TAILRACE_SERVICE_PORTS', '4000'],
    ['TAILRACE_HOSTS', '10.96.12.7'],
    ['TAILRACE_PORT_4000_TCP', '10.96.12.7:4000'],
    ['TAILRACE_PORT_4000_TCP', 'udp://10.96.12.7:4000'],
    ['TAILRACE_PORT_4000_HTTP', 'http://10.96.12.7:4000'],
    ['TAILRACE_PORT_4000_TCP_PROTO', 'udp'],
    ['TAILRACE_PORT_4000_TCP_PORT', '4001'],
    ['TAILRACE_PORT_4000_TCP_ADDR', 'gateway.example'],
    ['TAILRACE_REDIS_ADDR', '10.96.12.7'],
    ['TAILRACE_AUTH_JWKS_URI', 'tcp://10.96.12.7:4000'],
  ])('%s=%j is no such variable, and refused like any name that nobody reads', (name, value) => {
    expect(faults({ [name]: value }, 'dev')).toEqual([expect.stringMatching(`^${name} is not a variable of Tailrace`)]);
  });

  test.each([
    'tcp://gateway:4000',
    'http://10.96.12.7:4000',
    'tcp://10.96.12.7',
    'tcp://10.96.12.7:4000/',
    '10.96.12.7:4000',
  ])('a port that says %j is a fault: no kubelet writes that', (value) => {
    expect(faults({ TAILRACE_PORT: value }, 'dev')).toEqual([expect.stringMatching(/^TAILRACE_PORT must be /)]);
  });
});
