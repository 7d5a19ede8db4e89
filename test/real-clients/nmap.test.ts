/** What nmap's version detection makes of every decoy port, for every persona: a genuine product, and nothing that it does not know. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PERSONA_KINDS } from '../../src/protocols/surfaces/persona.ts';
import { needs, run } from '../support/programs.ts';
import type { Stack } from '../support/stack.ts';
import { startDecoys, stopDecoys } from './decoys.ts';

const SCAN_MS = 240_000;

let stacks: readonly Stack[] = [];
before(async () => {
  stacks = await startDecoys(...PERSONA_KINDS.map((persona) => ({ persona })));
});
after(async () => {
  await stopDecoys(...stacks);
});

/** nmap's names of the services. */
const NAMES: Readonly<Record<string, string>> = {
  ftp: 'ftp',
  http: 'http',
  mssql: 'ms-sql-s',
  mysql: 'mysql',
  telnet: 'telnet',
};

interface Guess {
  port: number;
  attributes: ReadonlyMap<string, string>;
}

/** The `service` element of each `port` element of nmap's XML. */
function guessesIn(xml: string): Guess[] {
  return [...xml.matchAll(/<port protocol="tcp" portid="(\d+)">(.*?)<\/port>/gs)].map(([, port, inner = '']) => {
    const service = /<service ([^>]*?)\/?>/.exec(inner)?.[1] ?? '';
    return {
      port: Number(port),
      attributes: new Map([...service.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value])),
    };
  });
}

test('nmap names every port with the product that it passes for', {
  skip: needs('nmap'),
  concurrency: PERSONA_KINDS.length,
}, async (context) => {
  const scans = stacks.map((stack) =>
    context.test(stack.config.sensor.persona, async () => {
      const ports = stack.services.map((service) => service.port);
      const scan = ['-sV', '-Pn', '-n', '-p', ports.join(','), '-oX', '-', '127.0.0.1'];
      const { stdout } = await run('nmap', scan, { ms: SCAN_MS });
      assert.doesNotMatch(stdout, /honeypot|honeyd|dionaea|cowrie|sundew/i);
      const guesses = new Map(guessesIn(stdout).map((guess) => [guess.port, guess.attributes]));
      assert.equal(guesses.size, ports.length, stdout);
      for (const service of stack.services) {
        const guess = guesses.get(service.port) ?? new Map<string, string>();
        const where = `${service.protocol} as ${service.persona}: ${JSON.stringify([...guess])}`;
        assert.equal(guess.get('name'), NAMES[service.protocol] ?? service.protocol, where);
        // `table` is the guess by the port's number, and what nmap shows with a question mark has no product.
        assert.equal(guess.get('method'), 'probed', where);
        const product = guess.get('product') ?? '';
        assert.ok(product !== '' && service.persona.startsWith(product), where);
        // SQL Server 2022 is newer than the versions that nmap tells apart; of everything else it must know every answer.
        if (!service.persona.includes(' 2022 ')) assert.equal(guess.get('servicefp'), undefined, where);
      }
    }),
  );
  await Promise.all(scans);
});
