/** As much of TDS 7.1 (MS-TDS) as an SQL Server login without encryption needs. */

const PRELOGIN = 0x12;
const LOGIN7 = 0x10;
const HEADER = 8;
/** The fixed part of LOGIN7 in TDS 7.1. */
const FIXED = 86;

function packet(type: number, body: Buffer): Buffer {
  const head = Buffer.from([type, 1, 0, 0, 0, 0, 1, 0]);
  head.writeUInt16BE(body.length + HEADER, 2);
  return Buffer.concat([head, body]);
}

export function packetEnd(bytes: Buffer, from: number): number | undefined {
  if (bytes.length < from + HEADER) return undefined;
  const end = from + bytes.readUInt16BE(from + 2);
  return bytes.length < end ? undefined : end;
}

/** VERSION, ENCRYPTION (not supported), INSTOPT, THREADID, MARS. */
export function preloginPacket(): Buffer {
  const values = [[0x0c, 0, 0x10, 0x04, 0, 0], [2], [0], [0, 0, 0x12, 0x34], [0]].map((value) => Buffer.from(value));
  const table = Buffer.alloc(values.length * 5 + 1, 0xff);
  let offset = table.length;
  for (const [index, value] of values.entries()) {
    table[index * 5] = index;
    table.writeUInt16BE(offset, index * 5 + 1);
    table.writeUInt16BE(value.length, index * 5 + 3);
    offset += value.length;
  }
  return packet(PRELOGIN, Buffer.concat([table, ...values]));
}

export function loginPacket(user: string, password: string): Buffer {
  const text = (value: string): Buffer => Buffer.from(value, 'utf16le');
  // The password's bytes have their halves swapped and are XORed with 0xa5 (MS-TDS 2.2.6.4).
  const hidden = Buffer.from(text(password).map((byte) => (((byte << 4) & 0xf0) | (byte >> 4)) ^ 0xa5));
  // Host, user, password, application, server, unused, library, language, database.
  const fields = ['LOADGEN', user, hidden, 'load', 'srv', '', 'lib', '', 'master'].map((value) =>
    typeof value === 'string' ? text(value) : value,
  );
  const fixed = Buffer.alloc(FIXED);
  fixed.writeUInt32LE(0x71000001, 4);
  fixed.writeUInt32LE(4096, 8);
  fixed.writeUInt32LE(7, 12);
  fixed[24] = 0xe0;
  fixed[25] = 0x03;
  let offset = FIXED;
  for (const [index, field] of fields.entries()) {
    fixed.writeUInt16LE(offset, 36 + index * 4);
    fixed.writeUInt16LE(field.length / 2, 38 + index * 4);
    offset += field.length;
  }
  // SSPI and the file to attach are empty.
  fixed.writeUInt16LE(offset, 78);
  fixed.writeUInt16LE(offset, 82);
  fixed.writeUInt32LE(offset, 0);
  return packet(LOGIN7, Buffer.concat([fixed, ...fields]));
}
