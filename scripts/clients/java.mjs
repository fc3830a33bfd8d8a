import { join } from 'node:path';
import { ensureCommands } from '../services/packages.mjs';
import { example } from './example.mjs';
import { fetched } from './fetched.mjs';

/** @returns {import('./programs.mjs').Program} */
export function java() {
  const needed = [
    { command: 'javac', package: 'default-jdk-headless' },
    { command: 'mvn', package: 'maven' },
  ];
  ensureCommands(needed, 'for the client in Java.');
  const pom = example('java/pom.xml');
  const jars = fetched('java', pom, (into) => {
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    return ['mvn', '-B', '-q', '-f', pom, goal, '-DincludeScope=runtime', `-DoutputDirectory=${into}`];
  });
  return { command: 'java', args: ['-cp', join(jars, '*'), example('java/Payments.java')], env: {} };
}
