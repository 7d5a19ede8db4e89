/** The product that a persona's web server is. */
import type { Persona } from '../../surfaces/persona.ts';
import { apache } from './apache.ts';
import { iis } from './iis.ts';
import { nginx } from './nginx.ts';
import type { Product } from './product.ts';

const made = new WeakMap<Persona, Product>();

function make(persona: Persona): Product {
  const product = persona.products.http ?? { name: 'nginx', version: '1.18.0' };
  if (product.name.startsWith('Microsoft')) return iis(persona, product.version);
  return product.name.startsWith('Apache') ? apache(persona, product.version) : nginx(persona, product.version);
}

/** Made once for each persona: the pages are ready when a request comes. */
export function productOf(persona: Persona): Product {
  const known = made.get(persona);
  if (known !== undefined) return known;
  const product = make(persona);
  made.set(persona, product);
  return product;
}
