import type { Config } from '../../config/variables.js';
import { type Audit, noAudit } from '../../observe/audit.js';
import { auditLines } from '../../observe/audit-lines.js';
import { createGateway, type Gateway, type GatewayParts } from '../../serve/gateway.js';
import { gatewayLimits } from '../../serve/limits/limits.js';
import { type GatewaySettings, gatewaySettings } from '../../serve/settings/gateway-settings.js';
import { settingsFrom } from '../../serve/settings/setting.js';
import { portRefusal, Refusal } from '../process/refusal.js';
import { version } from '../process/version.js';
import { loadOperations } from './load.js';

type Serving = Pick<Config<'dev'>, keyof Config<'dev'> & keyof Config<'gateway'>>;
/** What a command brings itself: all that the environment does not say. */
type OwnParts = Omit<GatewayParts, keyof GatewaySettings | 'limits' | 'operations' | 'version'>;

/** Who is told who came for what, as the environment says. */
export const auditOf = (config: Pick<Serving, 'audit' | 'auditArguments'>): Audit =>
  config.audit ? auditLines({ arguments: config.auditArguments }) : noAudit;

/** A gateway as the environment says. Throws Refusal when the resolvers do not fit the schema, or there is no manifest. */
export function configuredGateway(config: Serving, parts: OwnParts): Gateway {
  const operations = loadOperations(config.operations === 'persisted-only', config.operationsFile);
  try {
    return createGateway({
      ...parts,
      ...settingsFrom(gatewaySettings, config),
      limits: settingsFrom(gatewayLimits, config),
      operations,
      version,
    });
  } catch (error) {
    if (error instanceof RangeError) throw new Refusal(error.message);
    // graphql-tools throws a plain Error for a type or field that the schema does not have.
    throw new Refusal(`The resolvers do not fit the schema: ${error instanceof Error ? error.message : error}`);
  }
}

/** Has a gateway listen where TAILRACE_HOST and TAILRACE_PORT say; resolves with the port. Throws Refusal when it cannot be had. */
export async function listen(gateway: Gateway, { host, port }: { readonly host: string; readonly port: number }) {
  try {
    return await gateway.listen(port, host);
  } catch (error) {
    throw portRefusal(error, host, port, 'TAILRACE_PORT');
  }
}
