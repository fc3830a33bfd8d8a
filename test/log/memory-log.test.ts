import { describe } from 'vitest';
import { createMemoryLog } from '../../src/log/memory-log.js';
import { contract } from './contract.js';

describe('the log in memory', () => {
  contract(async (shards) => {
    const log = createMemoryLog({ shards });
    return { writer: log, reader: log, close: () => log.close() };
  });
});
