/** The client side of Telnet's options (RFC 854, 855): takes the server's echo, and refuses the rest. */

const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
const SB = 250;
const SE = 240;
const ECHO = 1;

/** Splits what came from `from` on into text and the answers to its options; `end` is the first byte not understood yet. */
export function readTelnet(bytes: Buffer, from: number): { text: string; answers: Buffer; end: number } {
  let text = '';
  const answers: number[] = [];
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    if (byte !== IAC) {
      text += String.fromCharCode(byte);
      at += 1;
      continue;
    }
    const verb = bytes[at + 1];
    const option = bytes[at + 2];
    if (verb === undefined) break;
    if (verb === SB) {
      const close = bytes.indexOf(Buffer.from([IAC, SE]), at + 2);
      if (close < 0) break;
      at = close + 2;
    } else if (verb >= WILL && verb <= DONT) {
      if (option === undefined) break;
      if (verb === DO) answers.push(IAC, WONT, option);
      else if (verb === WILL) answers.push(IAC, option === ECHO ? DO : DONT, option);
      at += 3;
    } else at += 2;
  }
  return { text, answers: Buffer.from(answers), end: at };
}
