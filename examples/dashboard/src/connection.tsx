import { useConnection } from 'tailrace-client/react';

const says = { connecting: 'connecting', live: 'live', resuming: 'coming back', offline: 'offline' } as const;

/** Whether what stands on the page is of now. */
export function Connection() {
  const { state, attempt, reason } = useConnection() ?? { state: 'connecting', attempt: 0, reason: null };
  return (
    <output className={`connection ${state}`} data-state={state} title={reason ?? undefined}>
      {says[state]}
      {attempt > 0 && `, attempt ${attempt + 1}`}
    </output>
  );
}
