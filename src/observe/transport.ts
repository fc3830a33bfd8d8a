/** Transports on which a client holds a connection: these are counted and limited. */
export const connectionTransports = ['websocket', 'sse'] as const;

/** The ways in which somebody can come, by their names in metrics and the audit log. */
export const transports = [...connectionTransports, 'http', 'admin'] as const;

export type ConnectionTransport = (typeof connectionTransports)[number];

export type Transport = (typeof transports)[number];
