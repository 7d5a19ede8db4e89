const PATHS = {
  sun: 'M12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600l1.400 1.400M17 17l1.400 1.400M5.600 18.400 7 17M17 7l1.400-1.400M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8',
  moon: 'M20 14.500A8 8 0 0 1 9.500 4 8 8 0 1 0 20 14.500',
  system: 'M4 5h16v11H4zM9 20h6M12 16v4',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 5l12 7-12 7z',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16.200 16.200 21 21',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  check: 'M5 12.500 10 17.500 19 7',
  user: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.500 20c.8-3.600 3.800-5.500 7.500-5.500s6.700 1.900 7.500 5.500',
  up: 'M12 19V5M6 11l6-6 6 6',
  left: 'M15 5l-7 7 7 7',
  in: 'M4 12h14M13 7l5 5-5 5',
  out: 'M20 12H6M11 7l-5 5 5 5',
} as const;

/** A line icon, always beside or instead of a label that says the same. */
export function Icon({ name, size = 16 }: { name: keyof typeof PATHS; size?: number }) {
  return (
    <svg className="icon" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark: a sundew leaf with its drops. */
export function Mark({ size = 24 }: { size?: number }) {
  return (
    <svg className="mark" width={size} height={size} viewBox="0 0 24 24" aria-hidden="true">
      <path d="M12 21.500V5.800M12 12.500 6.700 8.300M12 12.500l5.300-4.200M12 16l-6.400-1.200M12 16l6.400-1.200" />
      <circle cx="12" cy="3.900" r="2.300" />
      <circle cx="5.300" cy="7.100" r="2" />
      <circle cx="18.700" cy="7.100" r="2" />
      <circle cx="3.900" cy="14.500" r="1.700" />
      <circle cx="20.100" cy="14.500" r="1.700" />
    </svg>
  );
}
