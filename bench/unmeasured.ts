/** What the design wants reached and no benchmark measures yet, with the reason. */
import { isServed, LOGIN_MODES } from './modes.ts';
import type { Unmeasured } from './report.ts';

export function unmeasured(): Unmeasured[] {
  const services = LOGIN_MODES.filter((facts) => !isServed(facts)).map((facts) => ({
    what: facts.title,
    why: `there is no service ${facts.service} yet`,
  }));
  return [
    ...services,
    { what: 'SSH sessions with a login and a file written', why: 'there is no service ssh yet' },
    {
      what: 'sensor memory flat over an hour of load',
      why: 'takes an hour; the RSS after each throughput run is shown',
    },
    {
      what: '100 million sessions: queries under 500 ms, manager under 4 GB',
      why: 'takes a store of that size, and hours to fill it',
    },
    {
      what: 'sensor bundle under 5 MB that starts in under 500 ms',
      why: 'the sensor is not bundled yet; its start from source is measured',
    },
  ];
}
