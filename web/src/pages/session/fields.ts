/** Reads the fields of an event, which are of any shape: an imported or newer record may lack what we expect. */

export type Fields = Readonly<Record<string, unknown>>;

export function text(fields: Fields, name: string): string | undefined {
  const value = fields[name];
  return typeof value === 'string' ? value : undefined;
}

/** For what may be sent empty or not at all: null, '' and missing are told apart. */
export function nullableText(fields: Fields, name: string): string | null {
  return text(fields, name) ?? null;
}

export function number(fields: Fields, name: string): number | undefined {
  const value = fields[name];
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

export function texts(fields: Fields, name: string): string[] {
  const value = fields[name];
  return Array.isArray(value) ? value.map((item) => (typeof item === 'string' ? item : plain(item))) : [];
}

export function headers(fields: Fields): [name: string, value: string][] {
  const value = fields.headers;
  if (!Array.isArray(value)) return [];
  return value.flatMap((pair: unknown): [string, string][] =>
    Array.isArray(pair) ? [[plain(pair[0]), plain(pair[1])]] : [],
  );
}

/** Any value as text. */
export function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** The fields that a rendering of its own has not shown, `detail` opened up, each as text. */
export function otherFields(fields: Fields, shown: readonly string[]): [name: string, value: string][] {
  const rest: [string, string][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (shown.includes(name) || value === undefined || value === null) continue;
    if (name === 'detail' && typeof value === 'object' && !Array.isArray(value))
      for (const [key, inner] of Object.entries(value)) rest.push([key, plain(inner)]);
    else rest.push([name, plain(value)]);
  }
  return rest;
}
