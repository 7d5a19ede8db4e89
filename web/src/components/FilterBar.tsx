import { type FormEvent, useEffect, useId, useRef, useState } from 'react';
import { useTop } from '../api/queries.ts';
import type { TopField } from '../api/types.ts';
import {
  FILTER_FIELDS,
  FILTER_LABELS,
  type Filter,
  type FilterField,
  isMeaningful,
  NO_NETWORK,
  normalise,
  parseTyped,
  type Scope,
  withFilter,
  withoutFilter,
} from '../filters/filters.ts';
import { countryName } from '../format/country.ts';
import { Icon } from './Icon.tsx';
import { PeerText } from './PeerText.tsx';
import './filter-bar.css';

/** Fields whose values are few and ours, so that they can be offered while typing. */
const SUGGESTED: Partial<Record<FilterField, TopField>> = {
  protocol: 'protocol',
  service: 'service',
  country: 'country',
  dst_port: 'dst_port',
  sensor: 'sensor',
  honeypot: 'honeypot',
  asn: 'asn',
  src_ip: 'src_ip',
};
const SUGGESTIONS = 20;

interface Props {
  scope: Scope;
  onChange(scope: Scope): void;
}

function Chip({ filter, onFlip, onRemove }: { filter: Filter; onFlip(): void; onRemove(): void }) {
  const label = FILTER_LABELS[filter.field];
  const sentence = `${label} is ${filter.negated ? 'not ' : ''}`;
  return (
    <li className="chip" data-negated={filter.negated}>
      <button
        type="button"
        className="chip-text"
        title={filter.negated ? 'Ask for it instead' : 'Leave it out instead'}
        onClick={onFlip}
      >
        <span className="visually-hidden">{sentence}</span>
        <span aria-hidden="true">
          {label} <b>{filter.negated ? '≠' : '='}</b>{' '}
        </span>
        {filter.field === 'country' ? (
          countryName(filter.value)
        ) : filter.field === 'asn' && filter.value === NO_NETWORK ? (
          'unknown'
        ) : (
          <PeerText text={filter.value} limit={48} />
        )}
      </button>
      <button type="button" className="chip-remove" aria-label={`Remove the filter ${label}`} onClick={onRemove}>
        <Icon name="close" size={12} />
      </button>
    </li>
  );
}

function AddFilter({ scope, onAdd }: { scope: Scope; onAdd(filter: Filter): void }) {
  const [field, setField] = useState<FilterField>('protocol');
  const [negated, setNegated] = useState(false);
  const [value, setValue] = useState('');
  const first = useRef<HTMLSelectElement>(null);
  const listId = useId();
  useEffect(() => first.current?.focus(), []);
  const suggested = SUGGESTED[field];
  const top = useTop(
    { ...scope, filters: [] },
    suggested ?? 'protocol',
    'sessions',
    SUGGESTIONS,
    suggested !== undefined,
  );
  const add = (event: FormEvent): void => {
    event.preventDefault();
    const filter = normalise({ field, value: value.trim(), negated });
    if (!isMeaningful(filter)) return;
    onAdd(filter);
    setValue('');
  };
  return (
    <form className="add-filter" onSubmit={add}>
      <select
        ref={first}
        aria-label="Field"
        value={field}
        onChange={(event) => setField(event.target.value as FilterField)}
      >
        {FILTER_FIELDS.map((name) => (
          <option key={name} value={name}>
            {FILTER_LABELS[name]}
          </option>
        ))}
      </select>
      <select
        aria-label="Comparison"
        value={negated ? 'not' : 'is'}
        onChange={(event) => setNegated(event.target.value === 'not')}
      >
        <option value="is">is</option>
        <option value="not">is not</option>
      </select>
      <input
        aria-label="Value"
        value={value}
        list={listId}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setValue(event.target.value)}
      />
      <datalist id={listId}>
        {suggested !== undefined &&
          top.data?.data.map((row) =>
            row.value === null ? null : (
              <option key={String(row.value)} value={String(row.value)}>
                {row.as_org ?? (field === 'country' ? countryName(String(row.value)) : undefined)}
              </option>
            ),
          )}
      </datalist>
      <button type="submit" className="button">
        Add
      </button>
    </form>
  );
}

/** Search, the filters that hold, and a form for more. `/` goes to the search box. */
export function FilterBar({ scope, onChange }: Props) {
  const [text, setText] = useState('');
  const [adding, setAdding] = useState(false);
  const box = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target instanceof HTMLElement ? event.target : null;
      if (event.key !== '/' || event.ctrlKey || event.metaKey || target?.closest('input, select, textarea')) return;
      event.preventDefault();
      box.current?.focus();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, []);
  const search = (event: FormEvent): void => {
    event.preventDefault();
    const filter = parseTyped(text);
    if (filter === null) return;
    onChange(withFilter(scope, filter));
    setText('');
  };
  return (
    <search className="filter-bar">
      <form className="search-box" onSubmit={search}>
        <Icon name="search" />
        <input
          ref={box}
          type="search"
          aria-label="Search commands, payloads and URLs, or type field:value"
          placeholder="Search, or port:22, !country:CN, an address…"
          value={text}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
        />
        <kbd>/</kbd>
      </form>
      <button type="button" className="button" aria-expanded={adding} onClick={() => setAdding(!adding)}>
        <Icon name={adding ? 'close' : 'plus'} size={14} /> Filter
      </button>
      {scope.filters.length > 0 && (
        <ul className="chips" aria-label="Filters">
          {scope.filters.map((filter) => (
            <Chip
              key={`${filter.field} ${filter.negated} ${filter.value}`}
              filter={filter}
              onFlip={() =>
                onChange({
                  ...scope,
                  filters: scope.filters.map((other) =>
                    other === filter ? { ...other, negated: !other.negated } : other,
                  ),
                })
              }
              onRemove={() => onChange(withoutFilter(scope, filter))}
            />
          ))}
          {scope.filters.length > 1 && (
            <li>
              <button type="button" className="link-button" onClick={() => onChange({ ...scope, filters: [] })}>
                Clear all
              </button>
            </li>
          )}
        </ul>
      )}
      {adding && <AddFilter scope={scope} onAdd={(filter) => onChange(withFilter(scope, filter))} />}
    </search>
  );
}
