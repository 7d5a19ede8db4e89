/** The manager's figures in Prometheus' text form. */
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { Context } from './context.ts';

interface Metrics {
  registry: Registry;
}
const made = new WeakMap<Context, Metrics>();

function metricsOf(context: Context): Metrics {
  const known = made.get(context);
  if (known !== undefined) return known;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const { state } = context.intake;
  const gauge = (name: string, help: string, read: () => number): void => {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  };
  gauge('sundew_intake_waiting_records', 'Records taken in and not stored yet.', () => state.waiting);
  gauge('sundew_stored_sessions_total', 'Sessions stored since the start.', () => state.stored_sessions);
  gauge('sundew_stored_events_total', 'Events stored since the start.', () => state.stored_events);
  gauge(
    'sundew_refused_segments_total',
    'Segments that the store refused and that are kept aside.',
    () => state.refused_segments,
  );
  gauge('sundew_disk_free_bytes', 'Room on the disk of the data folder.', () => context.disk.room().free_bytes);
  gauge('sundew_live_watchers', 'Readers of the live stream.', () => context.hub.size);
  new Gauge({
    name: 'sundew_sensor_records',
    help: 'Records of each sensor by state, as it last reported.',
    labelNames: ['sensor', 'state'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { name, status } of context.sensors.list()) {
        if (status === null) continue;
        for (const state of ['recorded', 'stored', 'waiting'] as const)
          this.set({ sensor: name, state }, status[state]);
        this.set({ sensor: name, state: 'shed' }, status.shed.transcripts + status.shed.probes + status.shed.records);
      }
    },
  });
  const metrics = { registry };
  made.set(context, metrics);
  return metrics;
}

export async function metricsText(context: Context): Promise<string> {
  return await metricsOf(context).registry.metrics();
}
