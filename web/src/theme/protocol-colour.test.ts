import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { protocolColour, protocolColours } from './protocol-colour.ts';

type Rgb = [number, number, number];

const css = readFileSync(join(import.meta.dirname, '../styles/tokens.css'), 'utf8');

function token(name: string, theme: 'light' | 'dark'): Rgb {
  const match = new RegExp(`--${name}: light-dark\\(#([0-9a-f]{6}), #([0-9a-f]{6})\\)`).exec(css);
  assert.ok(match, `--${name} is defined`);
  const digits = match[theme === 'light' ? 1 : 2] ?? '';
  const channel = (at: number): number => {
    const value = Number.parseInt(digits.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(0), channel(2), channel(4)];
}

/** Machado, Oliveira and Fernandes (2009), severity 1, on linear RGB. */
const VISION: Readonly<Record<string, readonly [Rgb, Rgb, Rgb]>> = {
  usual: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
};

function seen([r, g, b]: Rgb, kind: string): Rgb {
  const rows = VISION[kind] ?? [];
  const [x = 0, y = 0, z = 0] = rows.map((row) => Math.max(0, row[0] * r + row[1] * g + row[2] * b));
  return [x, y, z];
}

/** Oklab, in which distance is about what the eye sees. */
function oklab([r, g, b]: Rgb): Rgb {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function contrast(a: Rgb, b: Rgb): number {
  const light = ([r, g, b2]: Rgb): number => 0.2126 * r + 0.7152 * g + 0.0722 * b2 + 0.05;
  const [x, y] = [light(a), light(b)];
  return Math.max(x, y) / Math.min(x, y);
}

for (const theme of ['light', 'dark'] as const) {
  test(`the eight main category colours keep apart for every kind of eye (${theme})`, () => {
    for (const kind of Object.keys(VISION)) {
      const colours = Array.from({ length: 8 }, (_, slot) => oklab(seen(token(`cat-${slot}`, theme), kind)));
      for (const [at, a] of colours.entries()) {
        for (const [offset, b] of colours.slice(at + 1).entries()) {
          const distance = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
          assert.ok(distance > 0.1, `${kind}: ${at} and ${at + 1 + offset} are ${distance.toFixed(3)} apart`);
        }
      }
    }
  });

  test(`text can be read on every surface it stands on (${theme})`, () => {
    for (const surface of ['page', 'surface', 'raised', 'sunken', 'fresh'] as const) {
      for (const text of ['text', 'text-soft', 'text-muted', 'accent'] as const) {
        const ratio = contrast(token(text, theme), token(surface, theme));
        assert.ok(ratio >= 4.5, `${text} on ${surface}: ${ratio.toFixed(2)}`);
      }
    }
    const pairs = [
      ['on-accent', 'accent'],
      ['accent-strong', 'accent-soft'],
      ['warn', 'warn-soft'],
      ['danger', 'danger-soft'],
      ['danger', 'surface'],
      ['mark', 'mark-soft'],
      ['text', 'bar'],
      ['text-soft', 'bar'],
    ] as const;
    for (const [text, surface] of pairs) {
      const ratio = contrast(token(text, theme), token(surface, theme));
      assert.ok(ratio >= 4.5, `${text} on ${surface}: ${ratio.toFixed(2)}`);
    }
  });
}

test('a protocol keeps its colour, and an imported name has that of the protocol it means', () => {
  assert.equal(protocolColour('mssql'), 'var(--cat-0)');
  assert.equal(protocolColour('mssqld'), protocolColour('MSSQL'));
  assert.equal(protocolColour('something-new'), protocolColour('something-new'));
  assert.match(protocolColour('something-new'), /^var\(--cat-\d+\)$/);
  assert.equal(protocolColour('other'), 'var(--cat-other)');
  assert.equal(protocolColour(null), 'var(--cat-other)');
  assert.match(protocolColour('constructor'), /^var\(--cat-\d+\)$/);
});

test('protocols beside each other never look alike, and the first of each colour keeps it', () => {
  const names = ['pcap', 'SipSession', 'SipCall', 'TCP', 'mssqld', 'smbd', 'http', 'httpd', 'other'];
  const colours = protocolColours(names);
  assert.equal(new Set(colours.values()).size, names.length);
  for (const name of names.filter((each) => each !== 'httpd')) assert.equal(colours.get(name), protocolColour(name));
  const many = protocolColours(Array.from({ length: 40 }, (_, at) => `p${at}`));
  assert.equal(many.size, 40);
});
