// npm run build
import { build } from './project/prepare.mjs';
import { exitWith } from './services/fault.mjs';

try {
  build();
} catch (error) {
  exitWith(error);
}
