/** tailrace-client/shared-worker: one socket for all tabs of a browser. */
export { serveTabs, type Viewer } from './serve-tabs.js';
export { type SharedOptions, type SharedWorkerLike, sharedClient } from './shared-client.js';
