import { ensureCommands } from '../services/packages.mjs';
import { example } from './example.mjs';
import { fetched } from './fetched.mjs';

/** @returns {import('./programs.mjs').Program} */
export function python() {
  const needed = [
    { command: 'python3', package: 'python3' },
    { command: 'pip3', package: 'python3-pip' },
  ];
  ensureCommands(needed, 'for the client in Python.');
  const requirements = example('python/requirements.txt');
  const packages = fetched('python', requirements, (into) => {
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input'];
    return ['python3', ...install, '--target', into, '--requirement', requirements];
  });
  return { command: 'python3', args: [example('python/payments.py')], env: { PYTHONPATH: packages } };
}
