/** Redirections (POSIX.1-2017, Shell Command Language, 2.7): the streams that a command gets, or a complaint. */
import { expandHere, expandText, type Substitute } from './expand.ts';
import { isError } from './filesystem.ts';
import type { Redirect } from './parser.ts';
import { complain, type Run, type Shell, type Sink, type Streams } from './state.ts';

/** Undefined where one of them failed; the shell has complained then. */
export function* withRedirects(
  shell: Shell,
  redirects: readonly Redirect[],
  io: Streams,
  substitute: Substitute,
): Run<Streams | undefined> {
  const { fs } = shell.common;
  let streams = io;
  for (const redirect of redirects) {
    if (redirect.heredoc !== undefined) {
      const { body, expand } = redirect.heredoc;
      const text = expand ? yield* expandHere(shell, body, io, substitute) : body;
      streams = { ...streams, input: { kind: 'text', text, at: 0 } };
      continue;
    }
    const target = yield* expandText(shell, redirect.target, io, substitute);
    switch (redirect.op) {
      case '<<<':
        streams = { ...streams, input: { kind: 'text', text: `${target}\n`, at: 0 } };
        continue;
      case '>&':
        if (target === '1' && redirect.fd === 2) streams = { ...streams, err: streams.out };
        else if (target === '2' && redirect.fd === 1) streams = { ...streams, out: streams.err };
        else if (target === '-')
          streams = redirect.fd === 2 ? { ...streams, err: () => undefined } : { ...streams, out: () => undefined };
        else break;
        continue;
      case '<&':
        continue;
      case '<':
      case '<>': {
        const read = redirect.op === '<' || !isError(fs.find(shell.cwd, target)) ? fs.read(shell.cwd, target) : '';
        if (typeof read !== 'string') {
          const cannot = read.error === 'No such file or directory' ? 'no such file' : read.error;
          complain(
            shell,
            streams,
            shell.flavour === 'busybox' ? `can't open ${target}: ${cannot}` : `${target}: ${read.error}`,
          );
          return undefined;
        }
        const device = fs.find(shell.cwd, target);
        const terminal = !isError(device) && device.path === '/dev/tty';
        streams = { ...streams, input: terminal ? { kind: 'terminal' } : { kind: 'text', text: read, at: 0 } };
        continue;
      }
    }
    const append = redirect.op.endsWith('>>');
    const failed = fs.write(shell.cwd, target, '', append);
    if (failed !== undefined) {
      const cannot = failed === 'No such file or directory' ? 'nonexistent directory' : failed;
      complain(
        shell,
        streams,
        shell.flavour === 'busybox' ? `can't create ${target}: ${cannot}` : `${target}: ${failed}`,
      );
      return undefined;
    }
    const sink: Sink = (bytes) => void fs.write(shell.cwd, target, bytes, true);
    if (redirect.op.startsWith('&') || redirect.op === '>&') streams = { ...streams, out: sink, err: sink };
    else if (redirect.fd === 2) streams = { ...streams, err: sink };
    else if (redirect.fd === 1) streams = { ...streams, out: sink };
  }
  return streams;
}
