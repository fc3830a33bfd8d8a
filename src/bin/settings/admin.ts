import { type Admin, type AdminParts, startAdmin } from '../../admin/server.js';
import type { Config } from '../../config/variables.js';
import { portRefusal } from '../process/refusal.js';

type Variables = Pick<Config<'gateway' | 'relay'>, 'adminHost' | 'adminPort' | 'adminToken' | 'keepAlive'>;

/** The admin port where TAILRACE_ADMIN_* put it. Throws Refusal when it cannot be had. */
export async function configuredAdmin(
  { adminHost: host, adminPort: port, adminToken: token, keepAlive }: Variables,
  parts: Omit<AdminParts, 'host' | 'port' | 'token' | 'keepAlive'>,
): Promise<Admin> {
  try {
    return await startAdmin({ ...parts, host, port, token, keepAlive });
  } catch (error) {
    throw portRefusal(error, host, port, 'TAILRACE_ADMIN_PORT');
  }
}
