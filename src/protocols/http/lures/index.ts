/** The table of lures. What stands first takes the path. */
import type { Place, Product } from '../products/product.ts';
import { leaks } from './leaks.ts';
import type { Lure } from './lure.ts';
import { outlook } from './outlook.ts';
import { phpMyAdmin } from './phpmyadmin.ts';
import { basicArea, digestArea, tomcatManager } from './protected.ts';
import { wordpress } from './wordpress.ts';

export const LURES: readonly Lure[] = [wordpress, phpMyAdmin, outlook, tomcatManager, basicArea, digestArea, leaks];

/** The lure that answers for this path on this machine. */
export function lureFor(path: string, place: Place, product: Product): Lure | undefined {
  const lower = path.toLowerCase();
  return LURES.find(
    (lure) =>
      lure.personas.includes(place.persona.kind) &&
      (lure.products === undefined || lure.products.includes(product.name)) &&
      lure.paths.some((own) => lower === own || (own.endsWith('/') && lower.startsWith(own))),
  );
}
