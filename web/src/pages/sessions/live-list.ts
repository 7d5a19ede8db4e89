/** Keeps what has come in live in front of the pages that were read, without any session twice. */
import type { Session } from '../../api/types.ts';

/** Most live sessions kept in front of the pages; beyond it the list is read anew. */
export const MAX_FRESH = 1000;

/** How much earlier than the newest known session another may have ended and still be news. */
const LATE_MS = 600_000;

/** Whether a session that comes in is older than what is shown: it was imported, or its sensor could not deliver for a while. */
export function isLate(session: Session, newest: Session | undefined): boolean {
  if (newest === undefined) return false;
  return Date.parse(session.ended_at ?? session.started_at) < Date.parse(newest.started_at) - LATE_MS;
}

/** The newest first. A session that comes again (it has ended, or the stream repeated itself) replaces the earlier one in its place. */
export function addFresh(fresh: readonly Session[], arrived: readonly Session[]): Session[] {
  const places = new Map(fresh.map((session, at) => [session.id, at]));
  const kept = [...fresh];
  const added: Session[] = [];
  const addedPlaces = new Map<string, number>();
  for (const session of arrived) {
    const place = places.get(session.id);
    const again = addedPlaces.get(session.id);
    if (place !== undefined) kept[place] = session;
    else if (again !== undefined) added[again] = session;
    else {
      addedPlaces.set(session.id, added.length);
      added.push(session);
    }
  }
  return [...added.reverse(), ...kept];
}

/** One list of both; the live one knows better. */
export function mergeLists(fresh: readonly Session[], pages: readonly (readonly Session[])[]): Session[] {
  const seen = new Set<string>();
  const rows: Session[] = [];
  for (const list of [fresh, ...pages]) {
    for (const session of list) {
      if (seen.has(session.id)) continue;
      seen.add(session.id);
      rows.push(session);
    }
  }
  return rows;
}
