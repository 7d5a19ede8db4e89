/** Addresses that a request tells this machine to fetch from: shell commands in any part of it, and JNDI lookups. Nothing is ever fetched. */
import { percentDecoded } from './message.ts';

/** Longest text that is searched, and most addresses taken from it. */
const MAX_TEXT = 65_536;
const MAX_URLS = 64;

/** A command that fetches, followed by what separates words in a URL, a shell or a script. A client's own name (`curl/8.5.0`) is none. */
const FETCHER =
  /(?:wget|curl|tftp|ftpget|lwp-download|fetch|certutil|bitsadmin|invoke-webrequest|iwr|downloadstring|downloadfile|urlopen|file_get_contents|urlretrieve)(?:[\s+('"]|%20|%09|%2b|\$\{?ifs)|\$\{[^}]{0,80}(?:ldaps?|rmi|dns|iiop|nis|corba):|\$%7bjndi/i;
const URL_TEXT = /(?:https?|ftps?|tftp|ldaps?|rmi|dns|iiop):\/\/[^\s"'<>|;&`)}\\,]{3,2048}/gi;

/** `wget 192.0.2.9/bins.sh`, `tftp -g -r x 192.0.2.9`, `ftpget 192.0.2.9 x`: hosts without a scheme. */
const BARE = /\b(wget|curl|tftp|ftpget)\s+((?:[^\s;|&`<>"']+\s*){1,12})/gi;
const HOST = /^(?:\d{1,3}(?:\.\d{1,3}){3}|[a-z0-9][a-z0-9-]{0,62}(?:\.[a-z0-9-]{1,63}){1,6})(?::\d{1,5})?$/i;
const FILE_EXTENSION = /\.(?:sh|bin|elf|exe|txt|php|pl|py|arm\d?|mips|mpsl|x86|i\d86|gz|tar|zip|out|c)$/i;

function bareAddresses(text: string): string[] {
  const found: string[] = [];
  for (const match of text.matchAll(BARE)) {
    const command = (match[1] ?? '').toLowerCase();
    const words = (match[2] ?? '')
      .trim()
      .split(/\s+/)
      .filter((word) => !word.startsWith('-') && !word.includes('://'));
    if (command === 'wget' || command === 'curl') {
      for (const word of words) {
        const slash = word.indexOf('/');
        if (slash > 0 && HOST.test(word.slice(0, slash))) found.push(`http://${word}`);
        else if (slash < 0 && HOST.test(word) && !FILE_EXTENSION.test(word)) found.push(`http://${word}/`);
      }
      continue;
    }
    const host = words.find((word) => HOST.test(word) && !FILE_EXTENSION.test(word));
    const file = words.find((word) => word !== host && word !== 'get');
    if (host !== undefined) found.push(`${command === 'tftp' ? 'tftp' : 'ftp'}://${host}/${file ?? ''}`);
  }
  return found;
}

/** The addresses in a text, in order, each once; latin1 in and out. */
export function findDownloads(text: string): { urls: string[]; command: string } | undefined {
  if (!FETCHER.test(text)) return undefined;
  const command = percentDecoded(text.slice(0, MAX_TEXT)).replace(/\$\{?IFS\}?(?:\$\d)?|\+/gi, ' ');
  const urls = new Set<string>();
  for (const match of command.matchAll(URL_TEXT)) urls.add(match[0]);
  for (const url of bareAddresses(command)) urls.add(url);
  return urls.size === 0 ? undefined : { urls: [...urls].slice(0, MAX_URLS), command };
}
