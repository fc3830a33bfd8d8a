import { loopback } from '../../config/rules.js';

/** Every port of this machine: that of Vite, of Storybook, of whatever serves the page that is being made. */
const pagesOfThisMachine: readonly string[] = ['localhost', '127.0.0.1', '[::1]'].flatMap((host) => [
  `http://${host}:*`,
  `https://${host}:*`,
]);

/**
 * The origins that a `dev` lists, beside those it is told: pages of this machine, as long as only this machine reaches it. From
 * an address that others reach, or behind a proxy, `localhost` is the machine of whoever looks at the page, and no longer this one.
 */
export const originsOfDev = ({
  host,
  trustedHops,
  origins,
}: {
  readonly host: string;
  readonly trustedHops: number;
  readonly origins: readonly string[];
}): readonly string[] => (loopback.test(host) && trustedHops === 0 ? [...origins, ...pagesOfThisMachine] : origins);
