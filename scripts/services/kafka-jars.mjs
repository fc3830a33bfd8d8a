import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from './fault.mjs';
import { fetchedOnce, isFetched } from './fetched-once.mjs';

/** @typedef {'4.3.1' | '3.9.1'} KafkaVersion the versions the tests run on */

/** Kafka brings slf4j's API and no logger; this is the version of both. */
const slf4j = '1.7.36';

/**
 * What a Kafka of this version needs here: Maven only until its jars are there.
 * @param {KafkaVersion} version
 * @returns {import('./packages.mjs').Needed[]}
 */
export const kafkaNeeds = (version) => [
  ...(process.env.JAVA_HOME ? [] : [{ command: 'java', package: 'default-jre-headless' }]),
  ...(isFetched(jarsOf(version)) ? [] : [{ command: 'mvn', package: 'maven' }]),
];

/** @param {KafkaVersion} version */
const jarsOf = (version) => `kafka-${version}`;

/** The command that runs Java, 17 or later. */
export function java() {
  const home = process.env.JAVA_HOME;
  const command = home ? join(home, 'bin', 'java') : 'java';
  const { stderr, status } = spawnSync(command, ['-version'], { encoding: 'utf8' });
  const major = Number(/version "(\d+)/.exec(stderr ?? '')?.[1]);
  if (status !== 0 || !(major >= 17)) {
    throw new Fault(`Kafka needs Java 17 or later; ${command} is ${major ? `Java ${major}` : 'not a Java'}.`);
  }
  return command;
}

/** @param {KafkaVersion} version */
const pom = (version) => `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>tailrace</groupId><artifactId>kafka-for-tests</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${version}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>${slf4j}</version></dependency>
  </dependencies>
</project>
`;

/**
 * The folder with Kafka's jars; fetched by Maven once per user and version.
 * @param {KafkaVersion} version
 */
export const kafkaJars = (version) =>
  fetchedOnce(jarsOf(version), `Kafka ${version}`, (into, making) => {
    writeFileSync(join(making, 'pom.xml'), pom(version));
    const goal = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';
    try {
      execFileSync('mvn', ['-B', '-q', goal, '-DincludeScope=runtime', `-DoutputDirectory=${into}`], {
        cwd: making,
        encoding: 'utf8',
        stdio: 'pipe',
        timeout: 10 * 60_000,
      });
    } catch (error) {
      const { stdout = '' } = /** @type {{ stdout?: string }} */ (error);
      throw new Fault(`Maven could not fetch Kafka ${version}: ${stdout.split('\n')[0] || error}`);
    }
  });
