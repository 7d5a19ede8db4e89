interface Props<Value extends string> {
  label: string;
  value: Value | null;
  options: readonly { value: Value; label: string; hint?: string }[];
  onChange(value: Value): void;
}

/** One of a few, as a row of buttons. */
export function Segmented<Value extends string>({ label, value, options, onChange }: Props<Value>) {
  return (
    <fieldset className="segmented">
      <legend className="visually-hidden">{label}</legend>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          title={option.hint}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}
