/** Values and names as ClickHouse SQL. Everything but printable ASCII is escaped, so that nothing depends on how the engine reads bytes. */

const APOSTROPHE = 0x27;
const BACKSLASH = 0x5c;
const BACKTICK = 0x60;

function quote(bytes: Uint8Array, mark: number): string {
  const sign = String.fromCharCode(mark);
  const parts: string[] = [sign];
  let plain = 0;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte >= 0x20 && byte < 0x7f && byte !== mark && byte !== BACKSLASH) continue;
    if (at > plain) parts.push(Buffer.from(bytes.buffer, bytes.byteOffset + plain, at - plain).toString('latin1'));
    parts.push(`\\x${byte.toString(16).padStart(2, '0')}`);
    plain = at + 1;
  }
  parts.push(Buffer.from(bytes.buffer, bytes.byteOffset + plain, bytes.length - plain).toString('latin1'), sign);
  return parts.join('');
}

/** A string literal that holds exactly these bytes. */
export const quoteBytes = (bytes: Uint8Array): string => quote(bytes, APOSTROPHE);
/** A string literal that holds this text in UTF-8. */
export const quoteText = (text: string): string => quote(Buffer.from(text, 'utf8'), APOSTROPHE);
/** A name of a table, column or database. */
export const quoteName = (name: string): string => quote(Buffer.from(name, 'utf8'), BACKTICK);
