/** Several decoys at once, each with its own manager and store. */
import type { Persona } from '../../src/protocols/surfaces/persona.ts';
import { type Stack, startStack } from '../support/stack.ts';

/** Configuration of a sensor, and which machines will do. */
type SensorLayer = Readonly<Record<string, unknown>> & { machine?: (persona: Persona) => boolean };

/** Starts a stack for each of these sensors; where one cannot be started, none is left running. */
export async function startDecoys<const Layers extends readonly SensorLayer[]>(
  ...layers: Layers
): Promise<{ [Index in keyof Layers]: Stack }> {
  const starts = await Promise.allSettled(
    layers.map(({ machine, ...sensor }) =>
      startStack({ sensor: true, layer: { sensor }, ...(machine === undefined ? {} : { machine }) }),
    ),
  );
  const stacks = starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : []));
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) {
    await stopDecoys(...stacks);
    throw failed.reason;
  }
  return stacks as { [Index in keyof Layers]: Stack };
}

export async function stopDecoys(...stacks: readonly (Stack | undefined)[]): Promise<void> {
  await Promise.all(stacks.map((stack) => stack?.stop()));
}
