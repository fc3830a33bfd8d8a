import { gatewayLimits } from '../../serve/limits/limits.js';
import { gatewaySettings } from '../../serve/settings/gateway-settings.js';
import { fromSettings, inDev, readBy } from '../variable.js';

const settings = fromSettings(gatewaySettings, (name) => name);
const revoking = readBy('dev', 'gateway', 'revoke');

/** What `serve/` declares for itself. Others too read some of it, and `dev` has some of it otherwise. */
export const ofGateway = {
  ...settings,
  introspection: { ...settings.introspection, default: inDev('on', gatewaySettings.introspection.default) },
  authCookie: { ...settings.authCookie, code: 'auth.cookie' },
  tokenLife: { ...settings.tokenLife, commands: revoking },
  tokenLeeway: { ...settings.tokenLeeway, commands: revoking },
  keepAlive: { ...settings.keepAlive, commands: readBy('dev', 'gateway', 'relay') },
  retirePeriod: { ...settings.retirePeriod, default: inDev('0s', gatewaySettings.retirePeriod.default) },
  ...fromSettings(gatewayLimits, (name) => `limits.${name}`),
};
