/** Parameters of an offer that can be agreed on. Not `server_max_window_bits`: the blocks that all sockets share are of the largest window. */
const parameter =
  /^(?:(?:client|server)_no_context_takeover|client_max_window_bits(?:=(?:[89]|1[0-5]|"(?:[89]|1[0-5])"))?)$/;

/**
 * The first of a client's offers by which compression can be agreed on; undefined without one. All else is to be
 * declined, and the socket goes on uncompressed (RFC 7692, section 5): ws answers an offer that it does not understand
 * with 400, so one strange word would shut a client out of every gateway that compresses.
 */
export function acceptableOffer(header: string): string | undefined {
  return header
    .split(',')
    .map((offer) => offer.trim())
    .find((offer) => {
      const [extension, ...parameters] = offer.split(';').map((part) => part.trim());
      const names = parameters.map((one) => one.split('=')[0]);
      return (
        extension === 'permessage-deflate' &&
        parameters.every((one) => parameter.test(one)) &&
        new Set(names).size === names.length
      );
    });
}
